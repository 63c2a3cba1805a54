import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentSettings } from '#agent/settings.ts';
import { startLocalPath as startAgentPart } from '#agent/volumes/local-path.ts';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { createNodeAuthorizer } from '#main/control-plane/apiserver/authorization/node.ts';
import { createRbac } from '#main/control-plane/apiserver/authorization/rbac.ts';
import {
  createAuthorizer,
  privilegedGroups,
} from '#main/control-plane/apiserver/authorization/union.ts';
import { nodeRules } from '#main/control-plane/apiserver/bootstrap/policy.ts';
import { startControllerManager } from '#main/control-plane/controller-manager/index.ts';
import { startLocalPath } from '#main/control-plane/local-path/index.ts';
import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { Node, PersistentVolume } from '#shared/api/types/core-v1.ts';
import { silentLog as log } from '#shared/base/log.ts';
import { systemClock as clock } from '#shared/base/system-clock.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { New } from '#shared/kube/object.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';

const namespace = 'default';
let stack: AsyncDisposableStack;
let cluster: TestCluster;
/** What would be /var/lib/pilothouse on each node: the nodes of this test have one disk. */
let folder: string;
let agent: AsyncDisposable;

const volumes = (): string => join(folder, 'volumes');
const settings = (): AgentSettings =>
  ({ nodeName: 'one', folders: { state: folder } }) as AgentSettings;
const startAgent = (): Promise<AsyncDisposable> => {
  const own = cluster.as('system:node:one', 'system:nodes');
  return startAgentPart({ settings: settings(), cluster: own, clock, log });
};

beforeAll(async () => {
  await using started = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-volumes-'));
  started.defer(() => rm(folder, { recursive: true }));
  cluster = started.use(
    await startTestCluster({
      security({ objects }) {
        const rbac = createRbac(objects);
        const node = createNodeAuthorizer({ objects, rules: nodeRules });
        const authorizer = createAuthorizer([privilegedGroups, node, rbac]);
        return { authorizer, admission: admissionPlugins({ authorizer }) };
      },
    }),
  );
  const as = (name: string) => cluster.as(name, 'system:masters');
  started.use(
    startControllerManager({
      cluster: as('system:kube-controller-manager'),
      clusterFor: (name) => as(`system:serviceaccount:kube-system:${name}`),
      clock,
      log,
      caBundle: 'CA',
    }),
  );
  const scheduler = as('system:kube-scheduler');
  started.use(startScheduler({ cluster: scheduler, clock, log, recordEvent: () => {} }));
  started.use(
    startLocalPath({
      administrator: cluster.admin,
      cluster: cluster.as('system:serviceaccount:kube-system:local-path-provisioner'),
      clock,
      log,
      agentFolder: folder,
    }),
  );
  stack = started.move();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await stack.disposeAsync();
});

async function addNode(name: string, labels: object = {}): Promise<void> {
  const room = { cpu: '8', memory: '32Gi', pods: '110' };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const metadata = { name, labels: { 'kubernetes.io/hostname': name, ...labels } };
  const status = { capacity: room, allocatable: room, conditions };
  await cluster.admin.create(nodes, { metadata, spec: {}, status } as unknown as New<Node>);
}

interface ClaimParts {
  readonly spec?: object;
  readonly node?: string;
}

/** A claim and a pod that uses it. */
async function use(name: string, { spec, node }: ClaimParts = {}): Promise<void> {
  await cluster.admin.create(persistentVolumeClaims, {
    metadata: { name, namespace },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...spec,
    },
  });
  await cluster.admin.create(pods, {
    metadata: { name, namespace },
    spec: {
      containers: [{ name: 'c', image: 'registry.example/c:1', resources: {} }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
      ...(node && { nodeSelector: { 'kubernetes.io/hostname': node } }),
    },
  });
}

const volumeOf = async (claim: string): Promise<PersistentVolume | undefined> =>
  (await cluster.admin.list(persistentVolumes)).items.find(
    ({ spec }) => spec.claimRef?.name === claim,
  );
const pathOf = async (claim: string): Promise<string> =>
  (await volumeOf(claim))?.spec.local?.path ?? '';

async function isRunningOn(name: string): Promise<string | undefined> {
  return (await cluster.admin.get(pods, { namespace, name })).spec.nodeName;
}

async function giveUp(name: string): Promise<void> {
  await cluster.admin.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
  await cluster.admin.delete(persistentVolumeClaims, { namespace, name });
}

async function reasonsOf(name: string, component: string): Promise<string[]> {
  const { items } = await cluster.admin.list(events);
  return items
    .filter(
      ({ involvedObject, source }) =>
        involvedObject.name === name && source.component === component,
    )
    .map(({ reason }) => reason ?? '');
}

test('the class comes with the first real node, as the default', async () => {
  await addNode('simulated-1', { 'pilothouse.dev/simulated': 'true' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await cluster.admin.list(storageClasses)).items).toEqual([]);
  await addNode('one');
  agent = await startAgent();
  await expect
    .poll(() => cluster.admin.get(storageClasses, { name: 'local-path' }).catch(() => undefined))
    .toMatchObject({
      metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'dev.pilothouse/local-path',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
});

describe('a volume', () => {
  test('comes with its pod, on the pod’s node, as a folder that any user may write', async () => {
    await use('data', { node: 'one' });
    await expect.poll(() => isRunningOn('data')).toBe('one');
    const { spec, metadata, status } = (await volumeOf('data'))!;
    const path = join(volumes(), `${metadata.name}_default_data`);
    expect({ ...spec.local, phase: status.phase, size: spec.capacity }).toEqual({
      path,
      phase: 'Bound',
      size: { storage: '1Gi' },
    });
    await expect.poll(() => existsSync(path)).toBe(true);
    await writeFile(join(path, 'file'), 'kept');
    expect(await reasonsOf('data', 'dev.pilothouse/local-path')).toEqual([
      'Provisioning',
      'ProvisioningSucceeded',
    ]);
  });

  test('outlives the agent; its folder goes with its claim, and then the volume itself', async () => {
    const path = await pathOf('data');
    await agent[Symbol.asyncDispose]();
    await giveUp('data');
    await expect.poll(async () => (await volumeOf('data'))?.status.phase).toBe('Released');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([existsSync(path), await volumeOf('data')]).toEqual([true, expect.anything()]);
    agent = await startAgent();
    await expect.poll(() => volumeOf('data')).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    await expect
      .poll(async () => (await cluster.admin.get(nodes, { name: 'one' })).metadata.annotations)
      .not.toHaveProperty('pilothouse.dev/removed-volumes');
  });

  test('that is to be kept keeps its folder, even when it is deleted itself', async () => {
    await use('kept', { node: 'one' });
    await expect.poll(() => isRunningOn('kept')).toBe('one');
    const path = await pathOf('kept');
    await expect.poll(() => existsSync(path)).toBe(true);
    const { name } = (await volumeOf('kept'))!.metadata;
    const body = { spec: { persistentVolumeReclaimPolicy: 'Retain' } };
    await cluster.admin.patch(persistentVolumes, { name }, { type: patchTypes.merge, body });
    await giveUp('kept');
    await expect.poll(async () => (await volumeOf('kept'))?.status.phase).toBe('Released');
    await cluster.admin.delete(persistentVolumes, { name });
    await expect.poll(() => volumeOf('kept')).toBeUndefined();
    expect(existsSync(path)).toBe(true);
  });

  test('on a simulated node is only said to be there', async () => {
    await use('simulated', { node: 'simulated-1' });
    await expect.poll(() => isRunningOn('simulated')).toBe('simulated-1');
    const path = await pathOf('simulated');
    await giveUp('simulated');
    await expect.poll(() => volumeOf('simulated')).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['ReadWriteMany', { accessModes: ['ReadWriteMany'] }],
    ['block', { volumeMode: 'Block' }],
  ])('%s: none, and an event says why', async (name, spec) => {
    const claim = `no-${name.toLowerCase()}`;
    await use(claim, { spec, node: 'one' });
    await expect
      .poll(() => reasonsOf(claim, 'dev.pilothouse/local-path'))
      .toContain('ProvisioningFailed');
    expect(await volumeOf(claim)).toBeUndefined();
    await giveUp(claim);
  });

  test('of a node that has gone for ever goes, too', async () => {
    await addNode('two');
    await use('gone', { node: 'two' });
    await expect.poll(() => isRunningOn('gone')).toBe('two');
    await giveUp('gone');
    await expect.poll(async () => (await volumeOf('gone'))?.status.phase).toBe('Released');
    await cluster.admin.delete(nodes, { name: 'two' });
    await expect.poll(() => volumeOf('gone')).toBeUndefined();
  });
});

describe('the agent', () => {
  test('finishes the removal that it was in; leaves what no volume is known of', async () => {
    await agent[Symbol.asyncDispose]();
    const before = await readdir(volumes());
    for (const name of ['.removing-pvc-1_default_x', 'pvc-2_default_y'])
      await mkdir(join(volumes(), name, 'inside'), { recursive: true });
    agent = await startAgent();
    const after = await readdir(volumes());
    expect(after.toSorted()).toEqual([...before, 'pvc-2_default_y'].toSorted());
  });

  test('does not make anew what was lost', async () => {
    await use('lost', { node: 'one' });
    const path = await expect
      .poll(() => pathOf('lost'))
      .not.toBe('')
      .then(() => pathOf('lost'));
    await expect.poll(() => existsSync(path)).toBe(true);
    await agent[Symbol.asyncDispose]();
    await rm(path, { recursive: true });
    agent = await startAgent();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(existsSync(path)).toBe(false);
    await giveUp('lost');
    await expect.poll(() => volumeOf('lost')).toBeUndefined();
  });

  test('touches nothing outside of its folder', async () => {
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    await cluster.admin.create(persistentVolumes, {
      metadata: {
        name: 'crooked',
        annotations: {
          'pv.kubernetes.io/provisioned-by': 'dev.pilothouse/local-path',
          'pilothouse.dev/node': 'one',
        },
        finalizers: ['external-provisioner.volume.kubernetes.io/finalizer'],
      },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'local-path',
        claimRef: { namespace, name: 'nobody', uid: '0' },
        local: { path: elsewhere },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'x', operator: 'Exists' }] }],
          },
        },
      },
    });
    await expect.poll(async () => (await volumeOf('nobody'))?.status.phase).toBe('Released');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([existsSync(elsewhere), (await volumeOf('nobody'))?.metadata.name]).toEqual([
      true,
      'crooked',
    ]);
  });
});
