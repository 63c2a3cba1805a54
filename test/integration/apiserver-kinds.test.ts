import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { pods } from '#shared/api/core/pod.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { services } from '#shared/api/core/service.ts';
import { ipAddresses } from '#shared/api/networking/ip-address.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import { selfSubjectReviews } from '#shared/api/authentication/self-subject-review.ts';
import { subjectAccessReviews } from '#shared/api/authorization/subject-access-review.ts';
import { componentStatuses } from '#shared/api/core/component-status.ts';
import type { Pod, Service } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';

const key = { namespace: 'default', name: 'a' };
const podSpec = { containers: [{ name: 'c', image: 'i' }] } as unknown as Pod['spec'];

async function bindPod(admin: Cluster): Promise<unknown> {
  const body = { metadata: { name: 'a' }, target: { kind: 'Node', name: 'node-1' } };
  return admin.post(pods, { ...key, subresource: 'binding' }, body);
}

test('A pod is bound once, and then takes its time to end', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await admin.create(pods, { metadata: key, spec: podSpec });
  expect(await bindPod(admin)).toMatchObject({ kind: 'Status', status: 'Success' });
  const bound = await admin.get(pods, key);
  expect(bound.spec.nodeName).toBe('node-1');
  expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
  await expect(bindPod(admin)).rejects.toMatchObject({
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "node-1"',
  });
  await admin.delete(pods, key);
  expect((await admin.get(pods, key)).metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
  await admin.delete(pods, key, { gracePeriodSeconds: 0 });
  await expect(admin.get(pods, key)).rejects.toMatchObject({ reason: 'NotFound' });
});

test('A pod is evicted only while its budget allows a disruption', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await admin.create(pods, { metadata: { ...key, labels: { app: 'a' } }, spec: podSpec });
  await bindPod(admin);
  const pod = await admin.get(pods, key);
  const conditions = [{ type: 'Ready', status: 'True' }];
  await admin.update(
    pods,
    { ...pod, status: { phase: 'Running', conditions } },
    { subresource: 'status' },
  );
  const budget = await admin.create(podDisruptionBudgets, {
    metadata: key,
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
  });
  const status = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
    conditions: [],
  };
  const full = await admin.update(
    podDisruptionBudgets,
    { ...budget, status },
    { subresource: 'status' },
  );
  const evict = () =>
    admin.post(pods, { ...key, subresource: 'eviction' }, { metadata: { name: 'a' } });
  await expect(evict()).rejects.toMatchObject({
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    causes: [
      {
        type: 'DisruptionBudget',
        message: 'The disruption budget a needs 1 healthy pods and has 1 currently',
      },
    ],
  });
  await admin.update(
    podDisruptionBudgets,
    { ...full, status: { ...status, disruptionsAllowed: 1 } },
    { subresource: 'status' },
  );
  expect(await evict()).toMatchObject({ status: 'Success' });
  expect((await admin.get(pods, key)).metadata.deletionTimestamp).toBeDefined();
  expect((await admin.get(podDisruptionBudgets, key)).status).toMatchObject({
    disruptionsAllowed: 0,
    disruptedPods: { a: expect.any(String) as string },
  });
});

test('A service gets an address and a port of its own, and gives them back', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  const spec = { type: 'NodePort', ports: [{ port: 80 }] } as unknown as Service['spec'];
  const service = await admin.create(services, { metadata: key, spec });
  const { clusterIP, clusterIPs, ports, ipFamilies, ipFamilyPolicy } = service.spec;
  expect(clusterIP).toMatch(/^10\.96\./);
  expect({ clusterIPs, ipFamilies, ipFamilyPolicy }).toEqual({
    clusterIPs: [clusterIP],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  });
  const nodePort = ports?.[0]?.nodePort ?? 0;
  expect(nodePort).toBeGreaterThanOrEqual(30_000);
  expect((await admin.get(ipAddresses, { name: clusterIP! })).spec).toEqual({
    parentRef: { resource: 'services', namespace: 'default', name: 'a' },
  });
  const taken = { ...spec, clusterIP: clusterIP! };
  await expect(
    admin.create(services, { metadata: { ...key, name: 'b' }, spec: taken }),
  ).rejects.toMatchObject({
    code: 422,
    message: `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: failed to allocate IP ${clusterIP}: provided IP is already allocated`,
  });
  await expect(
    admin.create(services, {
      metadata: { ...key, name: 'c' },
      spec: { ...spec, ports: [{ port: 80, nodePort }] },
    }),
  ).rejects.toMatchObject({
    message: `Service "c" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: provided port is already allocated`,
  });
  await admin.delete(services, key);
  expect((await admin.list(ipAddresses)).items).toEqual([]);
});

test('A namespace ends when its finalizer has gone', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await admin.create(namespaces, { metadata: { name: 'n' }, spec: { finalizers: ['kubernetes'] } });
  await admin.delete(namespaces, { name: 'n' });
  const ending = await admin.get(namespaces, { name: 'n' });
  expect(ending.status?.phase).toBe('Terminating');
  await admin.update(namespaces, { ...ending, spec: {} }, { subresource: 'finalize' });
  await expect(admin.get(namespaces, { name: 'n' })).rejects.toMatchObject({ reason: 'NotFound' });
});

test('A deployment is scaled through its scale', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  const labels = { app: 'a' };
  await admin.create(deployments, {
    metadata: key,
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
    } as never,
  });
  const scaled = await admin.patch(
    deployments,
    key,
    { type: patchTypes.merge, body: { spec: { replicas: 3 } } },
    { subresource: 'scale' },
  );
  expect(scaled).toMatchObject({
    kind: 'Scale',
    spec: { replicas: 3 },
    status: { selector: 'app=a' },
  });
  expect((await admin.get(deployments, key)).spec?.replicas).toBe(3);
});

test('Reviews are answered and not stored', async () => {
  await using cluster = await startTestCluster();
  const me = await cluster.as('jane', 'devs').create(selfSubjectReviews, { metadata: {} });
  expect(me.status).toMatchObject({
    userInfo: { username: 'jane', groups: ['devs', 'system:authenticated'] },
  });
  const access = await cluster.admin.create(subjectAccessReviews, {
    metadata: {},
    spec: { user: 'jane', resourceAttributes: { verb: 'get', resource: 'pods' } },
  });
  expect(access.status).toMatchObject({ allowed: true });
  expect((await cluster.admin.list(componentStatuses)).items).toMatchObject([
    { metadata: { name: 'etcd-0' }, conditions: [{ type: 'Healthy', status: 'True' }] },
  ]);
});
