import { Reinvocation } from '#main/control-plane/apiserver/admission/dynamic/reinvocation.ts';
import { expect, test } from 'vitest';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import type {
  AdmissionOperation,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { limitRanges } from '#shared/api/core/limit-range.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { runtimeClasses } from '#shared/api/node/runtime-class.ts';
import { priorityClasses } from '#shared/api/scheduling/priority-class.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { admissionContext } from '../../../../../test/support/admission-context.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

const nobody: Authorizer = {
  name: 'nobody',
  authorize: () => ({ verdict: 'NoOpinion', reason: '' }),
};

interface Given {
  readonly operation?: AdmissionOperation;
  readonly resource?: Resource<never> | Resource;
  readonly subresource?: string;
  readonly object?: object;
  readonly oldObject?: object;
  readonly user?: string;
  readonly name?: string;
  /** Beside a namespace and its default service account. */
  readonly there?: (cache: MemoryObjectCache) => void;
}

/** What the default plugins make of a request: the object as it would be stored, or the refusal. */
async function outcome(given: Given): Promise<unknown> {
  const objects = new MemoryObjectCache();
  objects.put(namespaces, { metadata: { name: 'd' } });
  objects.put(serviceAccounts, { metadata: { name: 'default', namespace: 'd' } });
  given.there?.(objects);
  const resource = (given.resource ?? pods) as Resource;
  const object = structuredClone(given.object) as Draft<KubeObject> | undefined;
  const request: AdmissionRequest = {
    operation: given.operation ?? 'CREATE',
    resource,
    subresource: given.subresource ?? '',
    namespace: resource.scope === 'Namespaced' ? 'd' : '',
    name: given.name ?? object?.metadata.name ?? '',
    user: { name: given.user ?? 'me', groups: given.user ? ['system:nodes'] : [] },
    dryRun: false,
    object,
    oldObject: given.oldObject as KubeObject | undefined,
    options: undefined,
    warn: () => {},
  };
  const context = admissionContext({ objects, cluster: {} as Cluster, clock: new FakeClock() });
  const plugins = admissionPlugins({ authorizer: nobody }).filter((plugin) =>
    plugin.handles(request.operation, resource, request.subresource),
  );
  try {
    for (const plugin of plugins) await plugin.admit?.(request, context, new Reinvocation());
    for (const plugin of plugins) await plugin.validate?.(request, context);
  } catch (error) {
    if (ApiError.is(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return object;
}

const container = { name: 'c', image: 'i', resources: {} };
const pod = (spec: object = {}, metadata: object = {}): object => ({
  metadata: { name: 'p', namespace: 'd', ...metadata },
  spec: { containers: [container], ...spec },
});

test('a plain pod gets an account with its token, a priority and tolerations', async () => {
  const admitted = JSON.stringify(await outcome({ object: pod() }));
  const [volume] = /kube-api-access-[a-z0-9]{5}/.exec(admitted)!;
  expect(JSON.parse(admitted.replaceAll(volume, 'token'))).toEqual({
    metadata: { name: 'p', namespace: 'd' },
    spec: {
      containers: [
        {
          ...container,
          volumeMounts: [
            {
              name: 'token',
              readOnly: true,
              mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
            },
          ],
        },
      ],
      serviceAccountName: 'default',
      serviceAccount: 'default',
      volumes: [
        {
          name: 'token',
          projected: {
            defaultMode: 420,
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              {
                configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
              },
              {
                downwardAPI: {
                  items: [
                    {
                      path: 'namespace',
                      fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                    },
                  ],
                },
              },
            ],
          },
        },
      ],
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      tolerations: ['not-ready', 'unreachable'].map((taint) => ({
        key: `node.kubernetes.io/${taint}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
  });
});

const minimum = (cache: MemoryObjectCache): unknown =>
  cache.put(limitRanges, {
    metadata: { name: 'l', namespace: 'd' },
    spec: {
      limits: [
        { type: 'Container', min: { cpu: '100m' }, maxLimitRequestRatio: { memory: '2' } },
        { type: 'Pod', max: { cpu: '1' } },
      ],
    },
  });

test.each<[string, Given, string]>([
  [
    'into a namespace that is not there',
    { there: (cache) => cache.remove(namespaces, { name: 'd' }) },
    '404 namespaces "d" not found',
  ],
  [
    'into a namespace that goes away',
    {
      there: (cache) =>
        cache.put(namespaces, {
          metadata: { name: 'd' },
          status: { phase: 'Terminating' },
        }),
    },
    '403 pods "p" is forbidden: unable to create new content in namespace d because it is being terminated',
  ],
  [
    'of a namespace that stays',
    { operation: 'DELETE', resource: namespaces, name: 'kube-system' },
    '403 namespaces "kube-system" is forbidden: this namespace may not be deleted',
  ],
  [
    'as an account that is not there',
    { object: pod({ serviceAccountName: 'x' }) },
    '403 pods "p" is forbidden: error looking up service account d/x: serviceaccount "x" not found',
  ],
  [
    'of a priority class that is not there',
    { object: pod({ priorityClassName: 'x' }) },
    '403 pods "p" is forbidden: no PriorityClass with name x was found',
  ],
  [
    'with a priority of its own',
    { object: pod({ priority: 5 }) },
    '403 pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
  ],
  [
    'of a second default priority class',
    {
      resource: priorityClasses,
      object: { metadata: { name: 'b' }, value: 1, globalDefault: true },
      there: (cache) =>
        cache.put(priorityClasses, { metadata: { name: 'a' }, value: 2, globalDefault: true }),
    },
    '403 priorityclasses.scheduling.k8s.io "b" is forbidden: PriorityClass a is already marked as default. Only one default can exist',
  ],
  [
    'below the minimum, in all its faults',
    {
      there: minimum,
      object: pod({
        containers: [
          {
            name: 'c',
            resources: {
              limits: { cpu: '50m', memory: '3Gi' },
              requests: { cpu: '50m', memory: '1Gi' },
            },
          },
        ],
      }),
    },
    '403 pods "p" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, memory max limit to request ratio per Container is 2, but provided ratio is 3.000000]',
  ],
  [
    'without the limit that is asked for',
    {
      there: minimum,
      object: pod({
        containers: [
          {
            name: 'c',
            resources: { requests: { cpu: '200m', memory: '1' }, limits: { memory: '1' } },
          },
        ],
      }),
    },
    '403 pods "p" is forbidden: maximum cpu usage per Pod is 1.  No limit is specified',
  ],
  [
    'with overhead that no runtime class has',
    { object: pod({ overhead: { cpu: '1' } }) },
    '403 pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  ],
  [
    'of a runtime class that is not there',
    { object: pod({ runtimeClassName: 'x' }) },
    '403 pods "p" is forbidden: pod rejected: RuntimeClass "x" not found',
  ],
  [
    'against its runtime class',
    {
      object: pod({ runtimeClassName: 'r', nodeSelector: { a: 'b' } }),
      there: (cache) =>
        cache.put(runtimeClasses, {
          metadata: { name: 'r' },
          handler: 'r',
          scheduling: { nodeSelector: { a: 'c' } },
        }),
    },
    '403 pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[a] = c; pod.spec.nodeSelector[a] = b',
  ],
  [
    'of a pod of its own by a node',
    { user: 'system:node:n' },
    '403 pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n" can only create mirror pods',
  ],
  [
    'of another node by a node',
    { user: 'system:node:n', resource: nodes, object: { metadata: { name: 'm' } } },
    '403 nodes "m" is forbidden: node "n" is not allowed to modify node "m"',
  ],
  [
    'of labels that steer pods by a node',
    {
      user: 'system:node:n',
      resource: nodes,
      object: { metadata: { name: 'n', labels: { 'kubernetes.io/os': 'l', 'x.k8s.io/a': 'b' } } },
    },
    '403 nodes "n" is forbidden: node "n" is not allowed to set the following labels: x.k8s.io/a',
  ],
  [
    'of a larger claim that is not bound',
    {
      operation: 'UPDATE',
      resource: persistentVolumeClaims,
      object: claim('2Gi'),
      oldObject: { ...claim('1Gi'), status: { phase: 'Pending' } },
    },
    '403 persistentvolumeclaims "c" is forbidden: Only bound persistent volume claims can be expanded',
  ],
])('a request %s is refused', async (_, given, refusal) => {
  const waits = outcome({ object: pod(), ...given });
  expect(await waits).toBe(refusal);
});

function claim(storage: string): object {
  return {
    metadata: { name: 'c', namespace: 'd' },
    spec: { resources: { requests: { storage } } },
  };
}

test('limits of the namespace fill in what a container leaves out, and say so', async () => {
  const admitted = await outcome({
    object: pod({ automountServiceAccountToken: false }),
    there: (cache) =>
      cache.put(limitRanges, {
        metadata: { name: 'l', namespace: 'd' },
        spec: {
          limits: [
            {
              type: 'Container',
              default: { cpu: '1', memory: '1Gi' },
              defaultRequest: { cpu: '500m' },
            },
          ],
        },
      }),
  });
  expect(admitted).toMatchObject({
    metadata: {
      annotations: {
        'kubernetes.io/limit-ranger':
          'LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c',
      },
    },
    spec: {
      containers: [
        { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } },
      ],
    },
  });
});

test('a claim gets the newest default class and is protected', async () => {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const admitted = await outcome({
    resource: persistentVolumeClaims,
    object: claim('1Gi'),
    there: (cache) => {
      for (const [name, year] of [
        ['old', 2024],
        ['new', 2026],
        ['newer', 2026],
      ] as const) {
        const creationTimestamp = `${year}-01-01T00:00:00Z`;
        cache.put(storageClasses, {
          metadata: { name, annotations, creationTimestamp },
          provisioner: 'p',
        });
      }
    },
  });
  expect(admitted).toMatchObject({
    metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
    spec: { storageClassName: 'new' },
  });
});

test('a node comes up tainted', async () => {
  expect(await outcome({ resource: nodes, object: { metadata: { name: 'n' } } })).toMatchObject({
    spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
  });
});
