import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRbac } from '#main/control-plane/apiserver/authorization/rbac.ts';
import {
  createAuthorizer,
  privilegedGroups,
} from '#main/control-plane/apiserver/authorization/union.ts';
import { startCloudControllerManager } from '#main/control-plane/cloud-controller-manager/index.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import type { Node, Service } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock as clock } from '#shared/base/system-clock.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { Machine, Machines } from '#shared/kube/machines.ts';
import type { New } from '#shared/kube/object.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';

const finalizer = 'service.kubernetes.io/load-balancer-cleanup';
const namespace = 'default';
const known = new Map<string, Machine>();
const listeners = new Set<(name: string) => void>();
const machines: Machines = {
  find: (name) => known.get(name),
  subscribe(listener) {
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  },
};

let stack: AsyncDisposableStack;
let cluster: TestCluster;

beforeAll(async () => {
  await using started = new AsyncDisposableStack();
  cluster = started.use(
    await startTestCluster({
      security({ objects }) {
        const rbac = createRbac(objects);
        started.use(rbac);
        return { authorizer: createAuthorizer([privilegedGroups, rbac]) };
      },
    }),
  );
  started.use(
    startCloudControllerManager({
      administrator: cluster.admin,
      cluster: cluster.as('system:cloud-controller-manager'),
      clock,
      log: silentLog,
      machines,
    }),
  );
  stack = started.move();
});
afterAll(() => stack.disposeAsync());

function tell(machine: Machine): void {
  known.set(machine.name, machine);
  for (const listener of listeners) listener(machine.name);
}

interface NodeParts {
  readonly metadata?: object;
  readonly spec?: object;
  readonly ready?: 'True' | 'Unknown';
  readonly addresses?: readonly object[];
}

async function addNode(name: string, parts: NodeParts = {}): Promise<void> {
  const { metadata, spec = {}, ready = 'True', addresses } = parts;
  const status = {
    conditions: [{ type: 'Ready', status: ready }],
    ...(addresses && { addresses }),
  };
  const node = { metadata: { name, ...metadata }, spec, status };
  await cluster.admin.create(nodes, node as unknown as New<Node>);
}

const nodeOf = (name: string): Promise<Node> => cluster.admin.get(nodes, { name });
const serviceOf = (name: string): Promise<Service> =>
  cluster.admin.get(services, { namespace, name });
const ingress = async (name: string): Promise<unknown> =>
  (await serviceOf(name)).status.loadBalancer.ingress?.map(({ ip }) => ip);

async function addService(name: string, spec: object): Promise<void> {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }];
  const service = { metadata: { name, namespace }, spec: { type: 'LoadBalancer', ports, ...spec } };
  await cluster.admin.create(services, service);
}

const change = (name: string, body: object, subresource?: string): Promise<Node> =>
  cluster.admin.patch(
    nodes,
    { name },
    { type: patchTypes.merge, body },
    subresource ? { subresource } : {},
  );

async function reasonsOf(name: string): Promise<string[]> {
  const { items } = await cluster.admin.list(events);
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ source, reason }) => `${source.component} ${reason}`);
}

test('as long as all nodes are simulated, nothing happens', async () => {
  await addNode('simulated-1', { metadata: { labels: { 'pilothouse.dev/simulated': 'true' } } });
  await addService('early', {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await cluster.admin.list(clusterRoles)).items).toEqual([]);
  expect((await serviceOf('early')).metadata.finalizers).toBeUndefined();
  await cluster.admin.delete(services, { namespace, name: 'early' });
});

describe('nodes', () => {
  test('a new one learns of its machine, and then takes pods', async () => {
    tell({
      name: 'one',
      id: 'machine-1',
      addresses: [{ type: 'InternalIP', address: '10.1.0.1' }],
      type: 'arm64',
      zone: 'attic',
      state: 'running',
    });
    const waiting = { key: 'node.cloudprovider.kubernetes.io/uninitialized', effect: 'NoSchedule' };
    const other = { key: 'mine', effect: 'NoSchedule' };
    await addNode('one', { spec: { taints: [waiting, other] } });
    await expect
      .poll(async () => (await nodeOf('one')).spec)
      .toEqual({ providerID: 'pilothouse://machine-1', taints: [other] });
    await expect
      .poll(async () => (await nodeOf('one')).status.addresses)
      .toEqual([{ type: 'InternalIP', address: '10.1.0.1' }]);
    expect((await nodeOf('one')).metadata.labels).toMatchObject({
      'node.kubernetes.io/instance-type': 'arm64',
      'topology.kubernetes.io/zone': 'attic',
    });
    await expect.poll(() => reasonsOf('one')).toEqual(['cloud-node-controller Synced']);
    await change('one', { spec: { taints: null } });
  });

  test('one whose kubelet leaves its addresses to the cloud follows its machine', async () => {
    const annotations = { 'alpha.kubernetes.io/provided-node-ip': '10.1.0.1' };
    await change('one', { metadata: { annotations } });
    const addresses = [{ type: 'InternalIP', address: '10.1.0.9' }] as const;
    tell({ ...known.get('one')!, addresses });
    await expect.poll(async () => (await nodeOf('one')).status.addresses).toEqual(addresses);
  });

  test('one whose machine was switched off is tainted until it is back', async () => {
    const ready = (status: string) => ({ status: { conditions: [{ type: 'Ready', status }] } });
    tell({ ...known.get('one')!, state: 'stopped' });
    await change('one', ready('Unknown'), 'status');
    const taints = async () => (await nodeOf('one')).spec.taints?.map(({ key }) => key);
    await expect.poll(taints).toEqual(['node.cloudprovider.kubernetes.io/shutdown']);
    await change('one', ready('True'), 'status');
    await expect.poll(taints).toBeUndefined();
  });

  test('one whose machine left the cluster goes, once it is silent; others stay', async () => {
    const spec = { providerID: 'pilothouse://machine-2' };
    tell({ name: 'two', id: 'machine-2', addresses: [], state: 'running' });
    await addNode('two', { spec });
    await addNode('foreign', { spec: { providerID: 'aws://1' }, ready: 'Unknown' });
    known.delete('two');
    for (const listener of listeners) listener('two');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await nodeOf('two')).spec).toEqual(spec);
    const silent = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } };
    await change('two', silent, 'status');
    await expect
      .poll(async () =>
        (await cluster.admin.list(nodes)).items.map(({ metadata }) => metadata.name),
      )
      .toEqual(['foreign', 'one', 'simulated-1']);
    await expect.poll(() => reasonsOf('two')).toContain('cloud-node-controller DeletingNode');
  });
});

describe('routes', () => {
  const network = async (name: string) =>
    (await nodeOf(name)).status.conditions
      ?.filter(({ type }) => type === 'NetworkUnavailable')
      .map(({ status, reason }) => `${status} ${reason}`);
  const routes = (name: string, to: string) =>
    change(name, { metadata: { annotations: { 'pilothouse.dev/routes-to': to } } });

  test('a node is connected once its agent has routes to all others, and stays so', async () => {
    await addNode('r1', { spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] } });
    await addNode('r2', { spec: { podCIDR: '10.244.2.0/24', podCIDRs: ['10.244.2.0/24'] } });
    await routes('r1', '');
    await expect.poll(() => network('r1')).toEqual(['False RouteCreated']);
    await routes('r2', '');
    await expect.poll(() => network('r2')).toEqual(['True NoRouteCreated']);
    expect(await network('r1')).toEqual(['False RouteCreated']);
    await routes('r2', '10.244.1.0/24');
    await expect.poll(() => network('r2')).toEqual(['False RouteCreated']);
    expect(await network('one')).toEqual([]);
    for (const name of ['r1', 'r2']) await cluster.admin.delete(nodes, { name });
  });
});

describe('services of type LoadBalancer', () => {
  test('one gets the nodes’ addresses, follows them, and gives them back', async () => {
    await addService('web', {});
    await expect.poll(() => ingress('web')).toEqual(['10.1.0.9']);
    expect((await serviceOf('web')).metadata.finalizers).toEqual([finalizer]);
    const addresses = [{ type: 'InternalIP', address: '10.1.0.3' }];
    await addNode('three', { addresses });
    await expect.poll(() => ingress('web')).toEqual(['10.1.0.3', '10.1.0.9']);
    await cluster.admin.delete(services, { namespace, name: 'web' });
    await expect
      .poll(() => serviceOf('web').catch((error: Error) => error.message))
      .toMatch('not found');
    await expect
      .poll(() => reasonsOf('web'))
      .toEqual([
        'service-controller EnsuringLoadBalancer',
        'service-controller EnsuredLoadBalancer',
        'service-controller UpdatedLoadBalancer',
        'service-controller DeletingLoadBalancer',
        'service-controller DeletedLoadBalancer',
      ]);
  });

  test('one that changes its type gives them back, too; node ports are only made when wanted', async () => {
    await addService('typed', { allocateLoadBalancerNodePorts: false });
    await expect.poll(() => ingress('typed')).toHaveLength(2);
    expect((await serviceOf('typed')).spec.ports?.[0]?.nodePort).toBeUndefined();
    const body = { spec: { type: 'ClusterIP', allocateLoadBalancerNodePorts: null } };
    const patch = { type: patchTypes.merge, body };
    await cluster.admin.patch(services, { namespace, name: 'typed' }, patch);
    await expect.poll(async () => (await serviceOf('typed')).metadata.finalizers).toBeUndefined();
    expect(await ingress('typed')).toBeUndefined();
  });

  test('one that stays local is only reached where its pods are', async () => {
    await addService('local', { externalTrafficPolicy: 'Local' });
    await expect
      .poll(async () => (await serviceOf('local')).metadata.finalizers)
      .toEqual([finalizer]);
    expect(await ingress('local')).toBeUndefined();
    const slice = {
      metadata: { namespace, name: 'local-1', labels: { 'kubernetes.io/service-name': 'local' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'], conditions: { ready: true }, nodeName: 'three' }],
      ports: [],
    };
    await cluster.admin.create(endpointSlices, slice);
    await expect.poll(() => ingress('local')).toEqual(['10.1.0.3']);
    await cluster.admin.delete(services, { namespace, name: 'local' });
  });

  test('a second one waits for the port of the first; one of another class is not ours', async () => {
    await addService('first', {});
    await expect.poll(() => ingress('first')).toHaveLength(2);
    await addService('second', {});
    await addService('theirs', { loadBalancerClass: 'example.com/other' });
    await expect
      .poll(() => reasonsOf('second'))
      .toEqual(['service-controller SyncLoadBalancerFailed']);
    expect((await serviceOf('theirs')).metadata.finalizers).toBeUndefined();
    await cluster.admin.delete(services, { namespace, name: 'first' });
    await expect.poll(() => ingress('second')).toHaveLength(2);
  });
});
