import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveHttps, type HttpsServer } from '../support/https-server.ts';
import { serveWebhook, type WebhookServer } from '../support/webhook-server.ts';

const group = 'wardle.example.com';
const base = `/apis/${group}/v1alpha1`;
const flunders = {
  name: 'flunders',
  singularName: 'flunder',
  namespaced: true,
  kind: 'Flunder',
  verbs: ['create', 'get', 'list'],
};

/** An API server of its own, as the aggregator sees it. */
function respond(body: unknown, path: string, headers: Readonly<Record<string, unknown>>): unknown {
  switch (path) {
    case base:
      return { kind: 'APIResourceList', groupVersion: `${group}/v1alpha1`, resources: [flunders] };
    case '/openapi/v2':
      return {
        swagger: '2.0',
        paths: { [`${base}/flunders`]: { get: {} }, '/healthz': { get: {} } },
        definitions: { Flunder: { type: 'object' } },
      };
    case `/openapi/v3${base}`:
      return { openapi: '3.0.0', paths: { [`${base}/flunders`]: { get: {} } } };
    case `${base}/namespaces/default/flunders?limit=1`:
      return {
        kind: 'Flunder',
        body: body ?? null,
        user: headers['x-remote-user'],
        groups: headers['x-remote-group'],
        hasToken: headers['authorization'] !== undefined,
      };
    default:
      return 404;
  }
}

let other: WebhookServer;
let cluster: TestCluster;
let https: HttpsServer;

beforeAll(async () => {
  other = await serveWebhook(respond, ['api.default.svc']);
  const { port, pair } = other;
  cluster = await startTestCluster({
    aggregation: pair,
    nodes: { dial: () => Promise.resolve(connect({ host: '127.0.0.1', port })) } as never,
  });
  https = await serveHttps(cluster.server);
}, 30_000);

afterAll(async () => {
  await https[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

interface Answer {
  readonly code: number | undefined;
  readonly text: string;
  readonly json: never;
}

async function ask(
  path: string,
  { method = 'GET', body, accept = 'application/json' }: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    `${https.url}${path}`,
    {
      method,
      ca: https.certificate,
      headers: { accept, authorization: 'Bearer x', 'content-type': 'application/json' },
    },
    (response) => {
      resolve(answerOf(response));
    },
  );
  sent.once('error', reject);
  sent.end(body);
  return promise;
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const answer = await text(response);
  const json = (answer.startsWith('{') ? JSON.parse(answer) : undefined) as never;
  return { code: response.statusCode, text: answer, json };
}

const available = async (): Promise<string> => {
  const { status } = await cluster.admin.get(apiServices, { name: `v1alpha1.${group}` });
  const condition = status.conditions?.find(({ type }) => type === 'Available');
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
};

test('an API server behind a service becomes part of the API', async () => {
  const { admin } = cluster;
  await admin.create(apiServices, {
    metadata: { name: `v1alpha1.${group}` },
    spec: {
      group,
      version: 'v1alpha1',
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      caBundle: other.caBundle,
      service: { namespace: 'default', name: 'api', port: 7443 },
    },
  });
  const wait = { timeout: 15_000, interval: 20 };
  await expect
    .poll(available, wait)
    .toBe('False ServiceNotFound: service/api in "default" is not present');
  expect(await ask(`${base}/namespaces/default/flunders`)).toMatchObject({
    code: 503,
    text: 'service unavailable\n',
  });
  await admin.create(services, {
    metadata: { name: 'api', namespace: 'default' },
    spec: { ports: [{ port: 7443, targetPort: other.port }] },
  });
  await expect
    .poll(available, wait)
    .toBe('False EndpointsNotFound: cannot find endpointslices for service/api in "default"');
  await admin.create(endpointSlices, {
    metadata: {
      name: 'api-1',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'api' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true }, nodeName: 'n' }],
    ports: [{ name: '', port: other.port, protocol: 'TCP' }],
  });
  await expect.poll(available, wait).toBe('True Passed: all checks passed');
}, 40_000);

test('requests go on to it in the name of their caller, without their credentials', async () => {
  const body = '{"spec":{"a":1}}';
  const path = `${base}/namespaces/default/flunders?limit=1`;
  expect(await ask(path, { method: 'POST', body })).toMatchObject({
    code: 200,
    json: {
      kind: 'Flunder',
      body: { spec: { a: 1 } },
      user: 'system:admin',
      groups: 'system:masters, system:authenticated',
      hasToken: false,
    },
  });
  expect(await ask(`${base}/namespaces/default/other`)).toMatchObject({ code: 404, text: 'no' });
});

test('discovery shows what it serves, in both forms', async () => {
  const groups = await ask('/apis');
  expect(groups.text).toContain(
    `"name":"${group}","versions":[{"groupVersion":"${group}/v1alpha1"`,
  );
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const { json } = await ask('/apis', { accept });
  const { items } = json as { readonly items: readonly { readonly metadata: { name: string } }[] };
  expect(items.find(({ metadata }) => metadata.name === group)).toEqual({
    metadata: { name: group },
    versions: [
      {
        version: 'v1alpha1',
        freshness: 'Current',
        resources: [
          {
            resource: 'flunders',
            responseKind: { group, version: 'v1alpha1', kind: 'Flunder' },
            scope: 'Namespaced',
            singularResource: 'flunder',
            verbs: ['create', 'get', 'list'],
          },
        ],
      },
    ],
  });
  expect(await ask(`/apis/${group}`)).toMatchObject({
    json: { kind: 'APIGroup', preferredVersion: { groupVersion: `${group}/v1alpha1` } },
  });
  expect(await ask(base)).toMatchObject({ json: { kind: 'APIResourceList' } });
});

test('the OpenAPI documents hold its own', async () => {
  const v2 = (await ask('/openapi/v2')).json as { paths: object; definitions: object };
  expect(v2.paths).toHaveProperty([`${base}/flunders`]);
  expect(v2.definitions).toHaveProperty('Flunder');
  const index = (await ask('/openapi/v3')).json as { paths: object };
  expect(index.paths).toHaveProperty([`apis/${group}/v1alpha1`]);
  expect(await ask(`/openapi/v3/apis/${group}/v1alpha1`)).toMatchObject({
    json: { openapi: '3.0.0', paths: { [`${base}/flunders`]: { get: {} } } },
  });
}, 20_000);

test('groups of custom resources have APIServices for as long as they are served', async () => {
  const { admin } = cluster;
  const name = 'v1.stable.example.com';
  const find = async (): Promise<object | undefined> => {
    const { items } = await admin.list(apiServices);
    const found = items.find(({ metadata }) => metadata.name === name);
    return found && { labels: found.metadata.labels, spec: found.spec };
  };
  await admin.create(customResourceDefinitions, {
    metadata: { name: 'tabs.stable.example.com' },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'tabs', kind: 'Tab' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object' } },
        },
      ],
    },
  });
  await expect.poll(find, { timeout: 10_000 }).toEqual({
    labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' },
    spec: {
      group: 'stable.example.com',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 100,
    },
  });
  await admin.delete(customResourceDefinitions, { name: 'tabs.stable.example.com' });
  await expect.poll(find, { timeout: 10_000 }).toBeUndefined();
}, 30_000);
