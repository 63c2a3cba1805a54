import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKubeletRig, type KubeletRig } from '../support/kubelet/rig.ts';
import { compare } from './compare.ts';
import { readScenarios, type Json, type Scenario } from './facts.ts';
import { observedNode, seenNode } from './node.ts';
import { play } from './player.ts';
import { differences } from './view.ts';

/** The lives of pods as upstream's kubelet was observed to lead them, on a real containerd. */

const minutes = 60_000;
/** As many pods at a time as a small machine takes. */
const atOnce = 6;

let rig: KubeletRig;
beforeAll(async () => {
  rig = await startKubeletRig();
}, 5 * minutes);
afterAll(() => rig?.[Symbol.asyncDispose]());

/** Those that take minutes are waiting most of the time: they run beside the others. */
const longSeconds = 80;

/**
 * No image without a registry answers gRPC, and one pod was observed in a moment that nobody can wait
 * for.
 */
const unplayed: ReadonlySet<string> = new Set(['readiness-grpc', 'env-file']);

test(
  'pods live as observed, but for what stands in differing.txt',
  async () => {
    const scenarios = readScenarios().filter(({ name }) => !unplayed.has(name));
    const isLong = ({ long = 0 }: Scenario): boolean => long > longSeconds;
    const queue = scenarios.filter((one) => !isLong(one));
    const found = new Map<string, readonly string[]>();
    const playOne = async (one: Scenario): Promise<void> => {
      const differences = compare(one, await play(one, rig));
      if (differences.length > 0) found.set(one.name, differences);
    };
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) await playOne(next);
    };
    await Promise.all([
      ...scenarios.filter(isLong).map(playOne),
      ...Array.from({ length: atOnce }, work),
    ]);
    const known = differing('differing.txt');
    // A second kill may come before the first is looked at where many pods wait for the processor.
    const again = scenarios.filter(({ name }) => found.delete(name));
    for (const one of again) await playOne(one);
    const unexpected = [...found].filter(([name]) => !known.has(name));
    const mended = [...known].filter((name) => !found.has(name));
    expect({ unexpected: Object.fromEntries(unexpected), mended }).toEqual({
      unexpected: {},
      mended: [],
    });
  },
  15 * minutes,
);

test('a node is told of as observed, but for what stands in differing-node.txt', async () => {
  const { node, lease, nodeEvents } = observedNode();
  const look = async (): Promise<ReadonlySet<string>> => {
    const seen = await seenNode(rig.controlPlane.cluster, rig.host);
    const own: Json = { node: seen.node, lease: seen.lease, events: seen.nodeEvents };
    return new Set(differences({ node, lease, events: nodeEvents }, own));
  };
  await expect.poll(look).toEqual(differing('differing-node.txt'));
});

/** What differs, a line each, with the reason in the line above. */
function differing(file: string): ReadonlySet<string> {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8');
  return new Set(text.split('\n').filter((line) => line && !line.startsWith('#')));
}
