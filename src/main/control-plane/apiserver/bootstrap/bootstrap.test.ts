import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startBootstrap } from '#main/control-plane/apiserver/bootstrap/index.ts';
import { resources } from '#shared/api/index.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import type { ClusterRole, ClusterRoleBinding } from '#shared/api/types/rbac-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { memoryCluster } from '../../../../../test/support/memory-cluster.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

const settings = {
  advertiseAddress: '192.0.2.10',
  port: 20343,
  serviceRange: '10.96.0.0/16',
  serviceAddress: '10.96.0.1',
  clientAuthority: '<PEM>',
  requestHeaderAuthority: '<PEM>',
  hostName: '<hostname>',
};

async function run(objects = new MemoryObjectCache()) {
  const clock = new FakeClock();
  const cluster = memoryCluster(objects);
  const log = silentLog;
  const options = { settings, cluster: cluster as unknown as Cluster, objects, clock, log };
  return { bootstrap: await startBootstrap(options), objects, clock, writes: cluster.writes };
}

type Recorded = Readonly<Record<string, unknown>> & {
  readonly metadata: { readonly name: string };
};
const recorded = JSON.parse(readFileSync('test/data/bootstrap.json', 'utf8')) as Readonly<
  Record<string, readonly Recorded[]>
>;

/** Not among what agents need on top: their role, and the service of their DNS. */
function isUpstreams({ metadata: { name } }: KubeObject): boolean {
  return name !== 'pilothouse:node-network' && name !== 'kube-dns';
}

describe('the first start makes what upstream makes', async () => {
  const { objects } = await run();
  /** Made by what serves the kind, not by the bootstrap: addresses come with services. */
  const others = ['networking.k8s.io/v1/ipaddresses', 'coordination.k8s.io/v1/leases'];
  const kinds = Object.keys(recorded).filter((key) => key.includes('/') && !others.includes(key));

  test.each(kinds)('%s', (kind) => {
    const resource = resources.find((one) => `${groupVersionOf(one)}/${one.plural}` === kind)!;
    const made = [...objects.list(resource)].filter(isUpstreams).map(asSent).sort(byName);
    const wanted = recorded[kind]!.map((one) => asSent(one)).sort(byName);
    expect(made).toEqual(wanted);
  });

  test('and its own lease', () => {
    const leases = resources.find(({ kind }) => kind === 'Lease')!;
    expect([...objects.list(leases)]).toMatchObject([
      {
        metadata: {
          name: expect.stringMatching(/^apiserver-[a-z2-7]{26}$/),
          annotations: { 'kubernetes.io/peer-advertise-address': '192.0.2.10:20343' },
        },
        spec: { leaseDurationSeconds: 3600 },
      },
    ]);
  });
});

const filledIn = ['uid', 'resourceVersion', 'creationTimestamp', 'generation'];
const masked = ['lastTransitionTime', 'message', 'description', 'since'];

/** Without what the server fills in, and without what the record masks. */
function asSent(object: object): Recorded {
  const { kind: _, apiVersion: __, ...own } = object as Partial<KubeObject>;
  const text = JSON.stringify(own, (key, value: unknown) => {
    if (filledIn.includes(key) || masked.includes(key) || value === null) return undefined;
    return value;
  });
  const { status, ...others } = JSON.parse(text) as Recorded & {
    status?: { conditions?: unknown };
  };
  const { labels, ...metadata } = others.metadata as Recorded['metadata'] & {
    labels?: Record<string, string>;
  };
  return {
    ...others,
    ...serverFilled(others),
    metadata: { ...metadata, labels: withoutName(labels) } as Recorded['metadata'],
    ...(status?.conditions !== undefined && { status: { conditions: status.conditions } }),
  };
}

/** Defaults of the kind, which come from serving it. */
function serverFilled({ spec }: Record<string, unknown>): { spec?: object } {
  if (typeof spec !== 'object' || spec === null) return {};
  const { finalizers: _, internalTrafficPolicy: __, ...rest } = spec as Record<string, unknown>;
  return Object.keys(rest).length > 0 ? { spec: rest } : { spec: undefined as never };
}

function withoutName(labels: Readonly<Record<string, string>> | undefined): object | undefined {
  const { 'kubernetes.io/metadata.name': _, ...rest } = labels ?? {};
  return Object.keys(rest).length > 0 ? rest : undefined;
}

function byName(a: Recorded, b: Recorded): number {
  const key = ({ metadata }: Recorded): string => JSON.stringify(metadata);
  return key(a) < key(b) ? -1 : 1;
}

describe('a later start', () => {
  test('writes nothing but the lease where nothing changed', async () => {
    const { objects } = await run();
    const { writes } = await run(objects);
    expect(writes.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['update leases']);
  });

  test('adds what was taken from a role and keeps what was added', async () => {
    const { objects } = await run();
    const name = 'system:basic-user';
    const role = objects.get(clusterRoles, { name }) as ClusterRole;
    const added = { verbs: ['get'], apiGroups: ['x'], resources: ['y'] };
    const { labels: _, ...metadata } = role.metadata;
    objects.put(clusterRoles, { ...role, metadata, rules: [added, role.rules[0]!] });
    await run(objects);
    const mended = objects.get(clusterRoles, { name });
    expect(mended?.rules).toEqual([added, ...role.rules]);
    expect(mended?.metadata.labels).toEqual(role.metadata.labels);
  });

  test('leaves a role alone that asks for it', async () => {
    const { objects } = await run();
    const name = 'system:basic-user';
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    objects.put(clusterRoles, { metadata: { name, annotations }, rules: [] });
    await run(objects);
    expect(objects.get(clusterRoles, { name })?.rules).toEqual([]);
  });

  test('replaces a binding that leads elsewhere, and adds subjects that are missing', async () => {
    const { objects } = await run();
    const [basic, discovery] = ['system:basic-user', 'system:discovery'].map(
      (name) => objects.get(clusterRoleBindings, { name }) as ClusterRoleBinding,
    );
    const roleRef = { ...basic!.roleRef, name: 'cluster-admin' };
    const extra = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'jane' };
    objects.put(clusterRoleBindings, { ...basic!, roleRef });
    objects.put(clusterRoleBindings, { ...discovery!, subjects: [extra] });
    const { writes } = await run(objects);
    expect(writes).toContain('delete clusterrolebindings system:basic-user');
    const mended = objects.get(clusterRoleBindings, { name: 'system:discovery' });
    expect(mended?.subjects).toEqual([extra, ...discovery!.subjects!]);
    const basicNow = objects.get(clusterRoleBindings, { name: 'system:basic-user' });
    expect(basicNow?.roleRef).toEqual(basic!.roleRef);
  });
});

test('a system namespace that somebody deletes comes back', async () => {
  const { bootstrap, objects, clock } = await run();
  objects.remove(namespaces, { name: 'kube-public' });
  await clock.advance(10_000);
  expect(objects.get(namespaces, { name: 'kube-public' })).toBeDefined();
  await bootstrap[Symbol.asyncDispose]();
});
