import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { resourceQuota } from '#main/control-plane/apiserver/admission/resource-quota.ts';
import { decodeObject } from '#shared/api/codec/decode.ts';
import { resources } from '#shared/api/index.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { quotaEvaluatorOf, usageOfQuota } from '#shared/api/quota/index.ts';
import { formatList } from '#shared/api/quota/resource-list.ts';
import type { ResourceQuota } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError, conflict } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { admissionContext } from '../../../../../test/support/admission-context.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

function namespaceWith(hard: Record<string, string>, scopes?: readonly string[]) {
  const objects = new MemoryObjectCache();
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
  objects.put(resourceQuotas, {
    metadata: { name: 'q', namespace: 'd' },
    spec: { hard, ...(scopes && { scopes }) },
    status: { hard, used },
  });
  let writes = 0;
  const cluster = {
    async update(_: unknown, quota: ResourceQuota) {
      await Promise.resolve();
      writes++;
      const current = objects.get(resourceQuotas, quota.metadata)!;
      if (current.metadata.resourceVersion !== quota.metadata.resourceVersion) {
        throw conflict(resourceQuotas, 'q', 'the object has been modified');
      }
      return objects.put(resourceQuotas, quota);
    },
  } as unknown as Cluster;
  const plugin = resourceQuota();
  const context = admissionContext({ objects, cluster, clock: new FakeClock() });
  const requestOf = (object: object, more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
    operation: 'CREATE',
    resource: pods,
    subresource: '',
    namespace: 'd',
    name: (object as KubeObject).metadata.name,
    user: { name: 'me', groups: [] },
    dryRun: false,
    object: object as KubeObject as never,
    oldObject: undefined,
    options: undefined,
    warn: () => {},
    ...more,
  });
  return {
    used: () => objects.get(resourceQuotas, { namespace: 'd', name: 'q' })!.status.used,
    writes: () => writes,
    request: requestOf,
    async admit(request: AdmissionRequest): Promise<string> {
      try {
        await plugin.validate!(request, context);
        return 'admitted';
      } catch (error) {
        if (ApiError.is(error, 'Forbidden')) return error.message;
        throw error;
      }
    },
    revert: (request: AdmissionRequest) => plugin.revert!(request, context),
  };
}

const pod = (name: string, resources: object = {}, spec: object = {}): object => ({
  metadata: { name, namespace: 'd' },
  spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec },
});
const small = { requests: { cpu: '400m' }, limits: { cpu: '500m' } };

test('of a burst exactly as many pods are admitted as fit, in few writes', async () => {
  const namespace = namespaceWith({ pods: '10', 'requests.cpu': '1500m' });
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, i) => namespace.admit(namespace.request(pod(`p${i}`, small)))),
  );
  expect(outcomes.filter((outcome) => outcome === 'admitted')).toHaveLength(3);
  expect(outcomes.at(-1)).toBe(
    'pods "p7" is forbidden: exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=1200m, limited: requests.cpu=1500m',
  );
  expect(namespace.used()).toEqual({ pods: '3', 'requests.cpu': '1200m' });
  expect(namespace.writes()).toBeLessThanOrEqual(2);
});

test('a pod that leaves open what the quota limits is refused, container by container', async () => {
  const namespace = namespaceWith({ 'limits.memory': '1Gi', cpu: '1' });
  expect(await namespace.admit(namespace.request(pod('p', {})))).toBe(
    'pods "p" is forbidden: failed quota: q: must specify cpu for: c; limits.memory for: c',
  );
});

test('a dry run is checked and not charged; a write that fails is taken back', async () => {
  const namespace = namespaceWith({ pods: '1' });
  expect(await namespace.admit(namespace.request(pod('a'), { dryRun: true }))).toBe('admitted');
  expect(namespace.used()).toEqual({ pods: '0' });
  const request = namespace.request(pod('a'));
  expect(await namespace.admit(request)).toBe('admitted');
  expect(namespace.used()).toEqual({ pods: '1' });
  await namespace.revert(request);
  expect(namespace.used()).toEqual({ pods: '0' });
});

test('only pods within the scopes of a quota count', async () => {
  const namespace = namespaceWith({ pods: '1' }, ['BestEffort']);
  expect(await namespace.admit(namespace.request(pod('a', small)))).toBe('admitted');
  expect(namespace.used()).toEqual({ pods: '0' });
  expect(await namespace.admit(namespace.request(pod('b')))).toBe('admitted');
  expect(namespace.used()).toEqual({ pods: '1' });
});

interface Scenario {
  readonly name: string;
  readonly spec: object;
  readonly objects: readonly KubeObject[];
  readonly used: Readonly<Record<string, string>>;
}

test.each(JSON.parse(readFileSync('test/data/quota-usage.json', 'utf8')) as readonly Scenario[])(
  '$name is counted as upstream counts it',
  ({ spec, objects, used }) => {
    const kinds = resources.flatMap((resource) => {
      const evaluator = quotaEvaluatorOf(resource);
      const own = objects
        .filter(({ kind, apiVersion }) => kind === resource.kind && apiVersion === 'v1')
        .map((object) => {
          const draft = decodeObject(resource.type, object).object;
          resource.default?.(draft);
          return draft;
        });
      return evaluator ? [{ evaluator, objects: () => own }] : [];
    });
    expect(formatList(usageOfQuota({ spec }, kinds, 0))).toEqual(used);
  },
);
