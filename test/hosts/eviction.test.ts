import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectContainerRuntime } from '#agent/container-runtime/index.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Thresholds } from '#agent/kubelet/eviction/signals.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { New } from '#shared/kube/object.ts';
import { busyboxImage } from '../support/kubelet/images.ts';
import { startKubeletRig, type KubeletRig } from '../support/kubelet/rig.ts';

/** A node that runs short of memory or disk. It has plenty: its thresholds say that it is not enough. */

const minutes = 60_000;
const slow = { timeout: 2 * minutes, interval: 250 };
const namespace = 'default';

let rig: KubeletRig;
let cluster: Cluster;
beforeAll(async () => {
  rig = await startKubeletRig();
  ({ cluster } = rig.controlPlane);
}, 5 * minutes);
afterAll(() => rig?.[Symbol.asyncDispose]());

/** Holds so much memory, and so much on its disk. */
const holding = (mebi: number): string =>
  `x=$(head -c ${mebi}000000 /dev/zero | tr '\\0' x); echo $x >/file; trap 'exit 0' TERM; sleep 3600 & wait`;

function podOf(
  name: string,
  command: string,
  requests: Readonly<Record<string, string>>,
): New<Pod> {
  const container = { name: 'c', image: busyboxImage, resources: { requests } };
  return {
    metadata: { name, namespace },
    spec: {
      // It shall come even to a node that is tainted by then.
      nodeName: rig.nodeName,
      containers: [{ ...container, command: ['sh', '-c', command] }],
    },
  };
}

const find = (name: string): Promise<Pod> => cluster.get(pods, { namespace, name });
const phase = async (name: string): Promise<string | undefined> => (await find(name)).status.phase;

async function restartWith(evictionHard: Thresholds): Promise<void> {
  const file = rig.host.path('/opt/kubelet/agent.json');
  const settings = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...settings, evictionHard }));
  await rig.restartKubelet();
}

async function pressures(): Promise<unknown> {
  const { spec, status } = await cluster.get(nodes, { name: rig.nodeName });
  return {
    conditions: status.conditions
      ?.filter(({ type, status: is }) => type !== 'Ready' && is === 'True')
      .map(({ type, reason }) => `${type} ${reason}`),
    taints: spec.taints?.map(({ key, effect }) => `${key}:${effect}`),
  };
}

async function told(about: string): Promise<string[]> {
  const { items } = await cluster.list(events, { namespace });
  return items
    .filter(({ involvedObject }) => involvedObject.name === about)
    .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
}

test(
  'short of memory, it ends pods that use more than they asked for, and takes none that ask for nothing',
  async () => {
    await cluster.create(pods, podOf('modest', holding(1), { memory: '256Mi' }));
    await cluster.create(pods, podOf('greedy', holding(20), { memory: '1Mi' }));
    for (const name of ['modest', 'greedy'])
      await expect.poll(() => phase(name), slow).toBe('Running');
    await restartWith({ 'memory.available': '1Pi' });
    await expect.poll(() => phase('greedy'), slow).toBe('Failed');
    const { status } = await find('greedy');
    const message =
      /^The node was low on resource: memory\. Threshold quantity: 1Pi, available: \d+\w*\. Container c was using \d+\w*, request is 1Mi, has larger consumption of memory\. $/;
    expect(status).toMatchObject({ reason: 'Evicted', message: expect.stringMatching(message) });
    expect(status.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'TerminationByKubelet',
        message: status.message,
      }),
    );
    await expect.poll(() => told('greedy')).toContain(`Warning Evicted: ${status.message}`);
    await expect
      .poll(() => told(rig.nodeName))
      .toContain('Warning EvictionThresholdMet: Attempting to reclaim memory');
    await expect.poll(pressures, slow).toEqual({
      conditions: ['MemoryPressure KubeletHasInsufficientMemory'],
      taints: ['node.kubernetes.io/memory-pressure:NoSchedule'],
    });
    await cluster.create(pods, podOf('late', 'true', {}));
    await expect
      .poll(async () => (await find('late')).status, slow)
      .toMatchObject({
        phase: 'Failed',
        reason: 'Evicted',
        message: 'The node had condition: [MemoryPressure]. ',
      });
  },
  6 * minutes,
);

test(
  'short of disk, it ends the pod that has put the most there',
  async () => {
    await restartWith({});
    await cluster.create(pods, podOf('small', holding(1), {}));
    await cluster.create(pods, podOf('large', holding(30), {}));
    for (const name of ['small', 'large'])
      await expect.poll(() => phase(name), slow).toBe('Running');
    // The runtime measures layers every few seconds.
    using runtime = connectContainerRuntime(
      `unix://${rig.host.path('/run/containerd/containerd.sock')}`,
      { clock: systemClock },
    );
    const largest = async (): Promise<number> => {
      const { stats } = await runtime.listContainerStats({});
      return Math.max(...stats.map(({ writableLayer }) => writableLayer?.usedBytes?.value ?? 0));
    };
    await expect.poll(largest, slow).toBeGreaterThan(29_000_000);
    await restartWith({ 'imagefs.available': '100%' });
    await expect.poll(() => phase('large'), slow).toBe('Failed');
    const { status } = await find('large');
    const low = 'The node was low on resource: ephemeral-storage. ';
    expect(status).toMatchObject({ reason: 'Evicted', message: expect.stringContaining(low) });
    expect(status.message).toMatch(/Container c was using \d+\w*, request is 0, /);
    await expect.poll(pressures, slow).toEqual({
      conditions: ['DiskPressure KubeletHasDiskPressure'],
      taints: ['node.kubernetes.io/disk-pressure:NoSchedule'],
    });
  },
  6 * minutes,
);
