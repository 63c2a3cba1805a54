import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startKubeletRig, type KubeletRig } from '../support/kubelet/rig.ts';
import { compare } from './compare.ts';
import { readScenarios, type Scenario } from './facts.ts';
import { play } from './player.ts';

/** The lives of pods as upstream's kubelet was observed to lead them, on a real containerd. */

const minutes = 60_000;
/** As many pods at a time as a small machine takes. */
const atOnce = 6;

let rig: KubeletRig;
beforeAll(async () => {
  rig = await startKubeletRig();
}, 5 * minutes);
afterAll(() => rig?.[Symbol.asyncDispose]());

/**
 * Upstream's own test images cannot be had without a registry, waits of minutes are too long here, and
 * one pod was observed in a moment that nobody can wait for.
 */
function isPlayable({ name, pod, long = 0 }: Scenario): boolean {
  const text = JSON.stringify(pod);
  const needsImage = text.includes('$AGNHOST') || text.includes('$NONROOT');
  return !needsImage && long <= 80 && name !== 'env-file';
}

test(
  'pods live as observed, but for what stands in differing.txt',
  async () => {
    const scenarios = readScenarios().filter(isPlayable);
    const queue = [...scenarios];
    const found = new Map<string, readonly string[]>();
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const differences = compare(next, await play(next, rig));
        if (differences.length > 0) found.set(next.name, differences);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const known = differing();
    const unexpected = [...found].filter(([name]) => !known.has(name));
    const mended = [...known].filter((name) => !found.has(name));
    expect({ unexpected: Object.fromEntries(unexpected), mended }).toEqual({
      unexpected: {},
      mended: [],
    });
  },
  15 * minutes,
);

/** Names of scenarios, each with the reason in the line above. */
function differing(): ReadonlySet<string> {
  const text = readFileSync(join(import.meta.dirname, 'differing.txt'), 'utf8');
  return new Set(text.split('\n').filter((line) => line && !line.startsWith('#')));
}
