import { afterAll, beforeAll, expect, test } from 'vitest';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { events } from '#shared/api/core/event.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { volumesFolder } from '#shared/api/core/local-path-volume.ts';
import type { PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import { startNodeCluster, type NodeCluster } from '../support/hosts/node-cluster.ts';
import type { Host } from '../support/hosts/host.ts';
import { busyboxImage } from '../support/kubelet/images.ts';

/** Volumes on the nodes' own disks, as a user has them: two machines, one claim each. */

const minutes = 60_000;
const slow = { timeout: 2 * minutes, interval: 250 };
const namespace = 'default';

let nodes: NodeCluster;
beforeAll(async () => {
  nodes = await startNodeCluster({ machines: 2 });
}, 10 * minutes);
afterAll(() => nodes?.[Symbol.asyncDispose]());

/** Adds a line to what is there already. */
const write = "echo $HOSTNAME >>/data/lines; trap 'exit 0' TERM; sleep 3600 & wait";

function spec(volumes: Pod['spec']['volumes'], more: Partial<Pod['spec']> = {}): Pod['spec'] {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const container = { name: 'c', image: busyboxImage, resources: {}, volumeMounts };
  return {
    terminationGracePeriodSeconds: 5,
    containers: [{ ...container, command: ['sh', '-c', write] }],
    ...(volumes && { volumes }),
    ...more,
  };
}

const user = (name: string, claimName: string, more: Partial<Pod['spec']> = {}): New<Pod> => ({
  metadata: { name, namespace },
  spec: spec([{ name: 'data', persistentVolumeClaim: { claimName } }], more),
});

const claimSpec = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
};

const claim = (name: string) => nodes.cluster.get(persistentVolumeClaims, { namespace, name });
const pod = (name: string) => nodes.cluster.get(pods, { namespace, name });

async function runs(name: string): Promise<Pod> {
  await expect.poll(async () => (await pod(name)).status.phase, slow).toBe('Running');
  return pod(name);
}

async function ends(name: string): Promise<void> {
  await nodes.cluster.delete(pods, { namespace, name });
  const left = async (): Promise<string[]> =>
    (await nodes.cluster.list(pods, { namespace })).items.map(({ metadata }) => metadata.name);
  await expect.poll(left, slow).not.toContain(name);
}

async function lines(name: string): Promise<string> {
  return (await nodes.kubectl(['exec', name, '--', 'cat', '/data/lines'])).stdout;
}

async function foldersOn(host: Host): Promise<string[]> {
  const folder = `/var/lib/pilothouse/${volumesFolder}`;
  const { out } = await host.execute(`ls ${folder}`);
  return out.split('\n').filter(Boolean);
}

const last = (): Host => nodes.machines.at(-1)!;

test(
  'a claim without a class waits for a pod, and is bound on the node of the pod',
  async () => {
    const { cluster } = nodes;
    const made = { metadata: { name: 'own', namespace }, spec: claimSpec };
    await expect
      .poll(async () => (await nodes.kubectl(['get', 'storageclass'])).stdout, slow)
      .toContain('local-path (default)');
    await cluster.create(persistentVolumeClaims, made);
    const told = async (): Promise<(string | undefined)[]> =>
      (await cluster.list(events, { namespace })).items
        .filter(({ involvedObject }) => involvedObject.name === 'own')
        .map(({ reason }) => reason);
    await expect.poll(told, slow).toContain('WaitForFirstConsumer');
    expect(await claim('own')).toMatchObject({
      spec: { storageClassName: 'local-path' },
      status: { phase: 'Pending' },
    });
    const nodeSelector = { 'kubernetes.io/hostname': last().name };
    await cluster.create(pods, user('first', 'own', { nodeSelector }));
    await runs('first');
    const bound = await claim('own');
    expect(bound.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } });
    const volume = await cluster.get(persistentVolumes, { name: bound.spec.volumeName! });
    const [term] = volume.spec.nodeAffinity!.required!.nodeSelectorTerms;
    expect(term?.matchExpressions).toEqual([
      { key: 'kubernetes.io/hostname', operator: 'In', values: [last().name] },
    ]);
    expect([await foldersOn(nodes.machines[0]!), await foldersOn(last())]).toEqual([
      [],
      [expect.stringContaining(volume.metadata.name)],
    ]);
    await expect.poll(() => lines('first'), slow).toBe('first\n');
  },
  5 * minutes,
);

test(
  'what is in it outlives pods and the agent, and the next pod goes where it is',
  async () => {
    await last().run('systemctl restart pilothouse-agent');
    await expect.poll(() => lines('first'), slow).toBe('first\n');
    await ends('first');
    await nodes.cluster.create(pods, user('second', 'own'));
    expect((await runs('second')).spec.nodeName).toBe(last().name);
    await expect.poll(() => lines('second'), slow).toBe('first\nsecond\n');
  },
  5 * minutes,
);

test(
  'with the claim goes the folder',
  async () => {
    const { cluster } = nodes;
    const name = (await claim('own')).spec.volumeName!;
    await cluster.delete(persistentVolumeClaims, { namespace, name: 'own' });
    // A pod uses it still.
    expect(await claim('own')).toMatchObject({ status: { phase: 'Bound' } });
    await ends('second');
    const left = async (): Promise<readonly unknown[]> => [
      ...(await cluster.list(persistentVolumeClaims, { namespace })).items,
      ...(await cluster.list(persistentVolumes)).items.filter(
        ({ metadata }) => metadata.name === name,
      ),
      ...(await foldersOn(last())),
    ];
    await expect.poll(left, slow).toEqual([]);
  },
  5 * minutes,
);

test(
  'each pod of a StatefulSet has a volume of its own, and finds it again',
  async () => {
    const { cluster, kubectl } = nodes;
    const labels = { app: 'set' };
    const template: New<PersistentVolumeClaim> = { metadata: { name: 'data' }, spec: claimSpec };
    await cluster.create(statefulSets, {
      metadata: { name: 'set', namespace },
      spec: {
        serviceName: 'set',
        updateStrategy: {},
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: spec(undefined, {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' },
                ],
              },
            },
          }),
        },
        volumeClaimTemplates: [template as PersistentVolumeClaim],
      },
    });
    const names = ['set-0', 'set-1'];
    const rollout = ['rollout', 'status', 'statefulset/set', '--timeout=120s'];
    const whereabouts = async (): Promise<unknown[]> => {
      expect(await kubectl(rollout)).toMatchObject({ code: 0 });
      return Promise.all(names.map(async (name) => (await pod(name)).spec.nodeName));
    };
    const before = await whereabouts();
    expect(new Set(before).size).toBe(2);
    for (const host of nodes.machines) expect(await foldersOn(host)).toHaveLength(1);
    await kubectl(['scale', 'statefulset/set', '--replicas=0']);
    const replicas = async (): Promise<number | undefined> =>
      (await cluster.get(statefulSets, { namespace, name: 'set' })).status.replicas;
    await expect.poll(replicas, slow).toBe(0);
    await kubectl(['scale', 'statefulset/set', '--replicas=2']);
    await expect.poll(replicas, slow).toBe(2);
    expect(await whereabouts()).toEqual(before);
    for (const name of names) await expect.poll(() => lines(name), slow).toBe(`${name}\n${name}\n`);
  },
  5 * minutes,
);
