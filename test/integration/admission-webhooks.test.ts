import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { mutatingWebhookConfigurations } from '#shared/api/admissionregistration/mutating-webhook-configuration.ts';
import { validatingWebhookConfigurations } from '#shared/api/admissionregistration/validating-webhook-configuration.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { pods } from '#shared/api/core/pod.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { horizontalPodAutoscalersV1 } from '#shared/api/autoscaling/horizontal-pod-autoscaler-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveWebhook, type WebhookServer } from '../support/webhook-server.ts';

interface Question {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly object: KubeObject & { readonly data?: Readonly<Record<string, string>> };
    readonly oldObject: KubeObject | null;
  };
}

const review = (uid: string, response: object): object => ({
  kind: 'AdmissionReview',
  apiVersion: 'admission.k8s.io/v1',
  response: { uid, ...response },
});

const patchOf = (...operations: object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

/** What the webhooks of this test do, by path. */
function respond({ request }: Question, path: string): unknown {
  const { uid, object, operation } = request;
  switch (path.replace(/\?.*/, '')) {
    case '/add-first':
      return review(uid, patchOf({ op: 'add', path: '/data/first', value: 'yes' }));
    case '/add-second':
      if (object.data?.['first'] !== 'yes') return review(uid, { allowed: true });
      return review(uid, patchOf({ op: 'add', path: '/data/second', value: 'yes' }));
    case '/image':
      return review(
        uid,
        patchOf({
          op: 'add',
          path: '/spec/initContainers',
          value: [{ name: 'init', image: 'added' }],
        }),
      );
    case '/deny':
      return review(uid, {
        allowed: false,
        status: { message: `no ${operation}`, code: 403, reason: 'Forbidden' },
      });
    case '/warn':
      return review(uid, { allowed: true, warnings: ['take care'] });
    case '/slow':
      return undefined;
    case '/broken':
      return 500;
    case '/wrong-uid':
      return review('other', { allowed: true });
    default:
      return review(uid, { allowed: true });
  }
}

const everyConfigMap = {
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['configmaps'],
};

let hooks: WebhookServer;
let cluster: TestCluster;

beforeAll(async () => {
  hooks = await serveWebhook(respond, ['hook.default.svc']);
  const { port } = hooks;
  cluster = await startTestCluster({
    // Every pod's address is where the webhooks are.
    nodes: { dial: () => Promise.resolve(connect({ host: '127.0.0.1', port })) } as never,
    security: () => {
      const authorizer = {
        name: 'AlwaysAllow',
        authorize: () => ({ verdict: 'Allow', reason: '' }) as const,
      };
      return { authorizer, admission: admissionPlugins({ authorizer }) };
    },
  });
  await cluster.admin.create(serviceAccounts, {
    metadata: { name: 'default', namespace: 'default' },
  });
}, 30_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});

interface HookOptions {
  readonly path: string;
  readonly rules?: readonly object[];
  readonly more?: object;
}

const webhook = ({ path, rules = [everyConfigMap], more = {} }: HookOptions): never =>
  ({
    name: `${path.slice(1)}.example.com`,
    clientConfig: { url: `${hooks.url}${path}`, caBundle: hooks.caBundle },
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 1,
    ...more,
  }) as never;

async function withHooks(
  kind: 'mutating' | 'validating',
  webhooks: readonly never[],
  run: () => Promise<void>,
): Promise<void> {
  const { admin } = cluster;
  const named = { metadata: { name: 'test' }, webhooks };
  const { name } = named.metadata;
  if (kind === 'mutating') await admin.create(mutatingWebhookConfigurations, named);
  else await admin.create(validatingWebhookConfigurations, named);
  hooks.asked.length = 0;
  try {
    await run();
  } finally {
    if (kind === 'mutating') await admin.delete(mutatingWebhookConfigurations, { name });
    else await admin.delete(validatingWebhookConfigurations, { name });
  }
}

const configMap = (name: string, more: object = {}): never =>
  ({ metadata: { name, namespace: 'default' }, data: { a: 'b' }, ...more }) as never;

const refusal = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'allowed',
    (error: unknown) => {
      const { code, message } = error as { readonly code: number; readonly message: string };
      return `${code} ${message}`;
    },
  );

describe('mutating webhooks', () => {
  test('see the question that upstream asks', async () => {
    await withHooks('mutating', [webhook({ path: '/allow' })], async () => {
      await cluster.admin.create(configMaps, configMap('asked'));
      const [asked] = hooks.asked;
      expect(asked?.path).toBe('/allow?timeout=1s');
      expect(asked?.body).toMatchObject({
        kind: 'AdmissionReview',
        apiVersion: 'admission.k8s.io/v1',
        request: {
          kind: { group: '', version: 'v1', kind: 'ConfigMap' },
          resource: { group: '', version: 'v1', resource: 'configmaps' },
          requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
          name: 'asked',
          namespace: 'default',
          operation: 'CREATE',
          userInfo: { username: 'system:admin' },
          object: { kind: 'ConfigMap', apiVersion: 'v1', data: { a: 'b' } },
          oldObject: null,
          dryRun: false,
          options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
        },
      });
    });
  });

  test('change objects one after the other, and again if they ask for it', async () => {
    const second = webhook({ path: '/add-second', more: { reinvocationPolicy: 'IfNeeded' } });
    await withHooks('mutating', [second, webhook({ path: '/add-first' })], async () => {
      const made = await cluster.admin.create(configMaps, configMap('changed'));
      expect(made.data).toEqual({ a: 'b', first: 'yes', second: 'yes' });
      expect(hooks.asked.map(({ path }) => path.split('?')[0])).toEqual([
        '/add-second',
        '/add-first',
        '/add-second',
      ]);
    });
  });

  test('get defaults filled in behind them', async () => {
    const rules = [
      { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
    ];
    await withHooks('mutating', [webhook({ path: '/image', rules })], async () => {
      const pod = await cluster.admin.create(pods, {
        metadata: { name: 'p', namespace: 'default' },
        spec: { containers: [{ name: 'c', image: 'x' }] },
      } as never);
      expect(pod.spec.initContainers?.[0]).toMatchObject({
        name: 'init',
        image: 'added',
        terminationMessagePath: '/dev/termination-log',
        imagePullPolicy: 'Always',
      });
    });
  });

  test('are not asked about what decides about them', async () => {
    const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
    await withHooks('mutating', [webhook({ path: '/deny', rules })], async () => {
      const name = 'exempt';
      await cluster.admin.create(validatingWebhookConfigurations, { metadata: { name } });
      await cluster.admin.delete(validatingWebhookConfigurations, { name });
      expect(hooks.asked).toEqual([]);
      expect(await refusal(cluster.admin.create(namespaces, { metadata: { name: 'n' } }))).toBe(
        '403 admission webhook "deny.example.com" denied the request: no CREATE',
      );
    });
  });
});

describe('validating webhooks', () => {
  const cases: readonly (readonly [string, HookOptions, string])[] = [
    [
      'refuse with their own words',
      { path: '/deny' },
      '403 admission webhook "deny.example.com" denied the request: no CREATE',
    ],
    [
      'are ignored when they should be',
      { path: '/slow', more: { failurePolicy: 'Ignore' } },
      'allowed',
    ],
    [
      'do not answer in time',
      { path: '/slow' },
      '500 Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: Post "URL/slow?timeout=1s": context deadline exceeded',
    ],
    [
      'fail by themselves',
      { path: '/broken' },
      '500 Internal error occurred: failed calling webhook "broken.example.com": failed to call webhook: an error on the server ("no") has prevented the request from succeeding',
    ],
    [
      'are not trusted without a certificate',
      { path: '/untrusted', more: { clientConfig: { url: 'https://127.0.0.1:PORT/untrusted' } } },
      '500 Internal error occurred: failed calling webhook "untrusted.example.com": failed to call webhook: Post "URL/untrusted?timeout=1s": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      'cannot be reached',
      { path: '/nobody', more: { clientConfig: { url: 'https://127.0.0.1:1/nobody' } } },
      '500 Internal error occurred: failed calling webhook "nobody.example.com": failed to call webhook: Post "https://127.0.0.1:1/nobody?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    [
      'are behind a service that is not there',
      {
        path: '/absent',
        more: { clientConfig: { service: { namespace: 'default', name: 'absent', path: '/x' } } },
      },
      '500 Internal error occurred: failed calling webhook "absent.example.com": failed to call webhook: Post "https://absent.default.svc:443/x?timeout=1s": services "absent" not found',
    ],
    [
      'only see requests that fulfil their conditions',
      {
        path: '/deny',
        more: { matchConditions: [{ name: 'c', expression: 'object.data.a != "b"' }] },
      },
      'allowed',
    ],
    [
      'have conditions that fail',
      {
        path: '/deny',
        more: { matchConditions: [{ name: 'c', expression: 'object.data.z == "b"' }] },
      },
      `403 configmaps "m" is forbidden: expression 'object.data.z == "b"' resulted in error: no such key: z`,
    ],
    [
      'only see objects with their labels',
      { path: '/deny', more: { objectSelector: { matchLabels: { x: 'y' } } } },
      'allowed',
    ],
    [
      'only see namespaces with their labels',
      { path: '/deny', more: { namespaceSelector: { matchLabels: { x: 'y' } } } },
      'allowed',
    ],
  ];
  test.each(cases)('%s', async (_name, options, expected) => {
    const filled = JSON.parse(
      JSON.stringify(options).replaceAll('PORT', String(hooks.port)),
    ) as HookOptions;
    await withHooks('validating', [webhook(filled)], async () => {
      const attempt = cluster.admin.create(configMaps, configMap('m'), { dryRun: true });
      expect(await refusal(attempt)).toBe(expected.replaceAll('URL', hooks.url));
    });
  });

  test('answer another question', async () => {
    await withHooks('validating', [webhook({ path: '/wrong-uid' })], async () => {
      expect(await refusal(cluster.admin.create(configMaps, configMap('m')))).toMatch(
        /received invalid webhook response: expected response.uid="[\da-f-]{36}", got "other"$/,
      );
    });
  });

  test('see deletions, with what is deleted', async () => {
    await cluster.admin.create(configMaps, configMap('kept'));
    await withHooks('validating', [webhook({ path: '/deny' })], async () => {
      const key = { namespace: 'default', name: 'kept' };
      expect(await refusal(cluster.admin.delete(configMaps, key))).toBe(
        '403 admission webhook "deny.example.com" denied the request: no DELETE',
      );
      const { request } = hooks.asked[0]!.body as Question;
      expect([request.object, request.oldObject?.metadata.name]).toEqual([null, 'kept']);
    });
  });

  test('are reached through services, by their names', async () => {
    await cluster.admin.create(services, {
      metadata: { name: 'hook', namespace: 'default' },
      spec: { ports: [{ port: 443, targetPort: hooks.port }] },
    });
    await cluster.admin.create(endpointSlices, {
      metadata: {
        name: 'hook-1',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'hook' },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true }, nodeName: 'n' }],
      ports: [{ name: '', port: hooks.port, protocol: 'TCP' }],
    });
    const clientConfig = {
      service: { namespace: 'default', name: 'hook', path: '/deny' },
      caBundle: hooks.caBundle,
    };
    await withHooks(
      'validating',
      [webhook({ path: '/deny', more: { clientConfig } })],
      async () => {
        expect(await refusal(cluster.admin.create(configMaps, configMap('s')))).toBe(
          '403 admission webhook "deny.example.com" denied the request: no CREATE',
        );
      },
    );
  });

  test('see a kind in the version that they know', async () => {
    const rules = [
      {
        operations: ['CREATE'],
        apiGroups: ['autoscaling'],
        apiVersions: ['v2'],
        resources: ['horizontalpodautoscalers'],
      },
    ];
    await withHooks('validating', [webhook({ path: '/allow', rules })], async () => {
      await cluster.admin.create(horizontalPodAutoscalersV1, {
        metadata: { name: 'h', namespace: 'default' },
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
          targetCPUUtilizationPercentage: 50,
        },
      });
      expect(hooks.asked[0]?.body).toMatchObject({
        request: {
          kind: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' },
          requestKind: { group: 'autoscaling', version: 'v1', kind: 'HorizontalPodAutoscaler' },
          object: { apiVersion: 'autoscaling/v2', spec: { metrics: [{ type: 'Resource' }] } },
        },
      });
    });
  });
});
