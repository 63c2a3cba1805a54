import { afterAll, beforeAll, expect, test } from 'vitest';
import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { resource, type Resource } from '#shared/kube/resource.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { serveWebhook, type WebhookServer } from '../support/webhook-server.ts';

interface Widget extends KubeObject {
  readonly hostPort?: string;
  readonly host?: string;
  readonly port?: string;
}

interface Question {
  readonly request: {
    readonly uid: string;
    readonly desiredAPIVersion: string;
    readonly objects: readonly Widget[];
  };
}

/** v1 has `hostPort`, v2 has `host` and `port`. */
function respond({ request }: Question, path: string): unknown {
  const { uid, desiredAPIVersion, objects } = request;
  const result = path.startsWith('/fail')
    ? { status: 'Failed', message: 'cannot do that' }
    : { status: 'Success' };
  const convertedObjects = objects.map(({ hostPort, host, port, ...rest }) => ({
    ...rest,
    apiVersion: desiredAPIVersion,
    ...(desiredAPIVersion.endsWith('v2')
      ? { host: hostPort?.split(':')[0], port: hostPort?.split(':')[1] }
      : { hostPort: `${host}:${port}` }),
  }));
  return {
    kind: 'ConversionReview',
    apiVersion: 'apiextensions.k8s.io/v1',
    response: { uid, result, ...(result.status === 'Success' && { convertedObjects }) },
  };
}

const widgets = (version: string): Resource<Widget> =>
  resource<Widget>({
    group: 'stable.example.com',
    version,
    kind: 'Widget',
    plural: 'widgets',
    singular: 'widget',
    scope: 'Namespaced',
    type: '',
  });

let hooks: WebhookServer;
let cluster: TestCluster;

beforeAll(async () => {
  hooks = await serveWebhook(respond);
  cluster = await startTestCluster();
}, 30_000);

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await hooks[Symbol.asyncDispose]();
});

const text = { type: 'string' };

function definition(stored: 'v1' | 'v2', path = '/convert'): Partial<CustomResourceDefinition> {
  const versionOf = (name: string, properties: object): object => ({
    name,
    served: true,
    storage: name === stored,
    schema: { openAPIV3Schema: { type: 'object', properties } },
    selectableFields: Object.keys(properties).map((field) => ({ jsonPath: `.${field}` })),
  });
  return {
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [versionOf('v1', { hostPort: text }), versionOf('v2', { host: text, port: text })],
      conversion: {
        strategy: 'Webhook',
        webhook: {
          clientConfig: { url: `${hooks.url}${path}`, caBundle: hooks.caBundle },
          conversionReviewVersions: ['v1'],
        },
      },
    },
  } as unknown as Partial<CustomResourceDefinition>;
}

async function redefine(stored: 'v1' | 'v2', path?: string): Promise<void> {
  const current = await cluster.admin.get(customResourceDefinitions, {
    name: 'widgets.stable.example.com',
  });
  await cluster.admin.update(customResourceDefinitions, {
    ...current,
    ...definition(stored, path),
  });
}

const key = (name: string): { readonly namespace: string; readonly name: string } => ({
  namespace: 'default',
  name,
});

test('an object is asked for and written in any version', async () => {
  const { admin } = cluster;
  await admin.create(customResourceDefinitions, {
    metadata: { name: 'widgets.stable.example.com' },
    ...definition('v1'),
  });
  const wait = { timeout: 10_000, interval: 20 };
  await expect
    .poll(
      () =>
        admin.list(widgets('v2')).then(
          ({ items }) => items,
          () => undefined,
        ),
      wait,
    )
    .toEqual([]);
  const first = await admin.create(widgets('v1'), {
    metadata: { ...key('first'), labels: { a: 'b' } },
    hostPort: 'a:1',
  });
  expect(await admin.get(widgets('v2'), key('first'))).toMatchObject({
    apiVersion: 'stable.example.com/v2',
    metadata: { labels: { a: 'b' }, uid: first.metadata.uid },
    host: 'a',
    port: '1',
  });
  const second = await admin.create(widgets('v2'), {
    metadata: key('second'),
    host: 'b',
    port: '2',
  });
  expect(second).toMatchObject({ apiVersion: 'stable.example.com/v2', host: 'b', port: '2' });
  expect(await admin.get(widgets('v1'), key('second'))).toMatchObject({ hostPort: 'b:2' });
  await admin.update(widgets('v2'), { ...second, port: '3' });
  expect(await admin.get(widgets('v1'), key('second'))).toMatchObject({ hostPort: 'b:3' });
}, 30_000);

test('what is stored in several versions is listed in one, asked for at once', async () => {
  const { admin } = cluster;
  await redefine('v2');
  await expect
    .poll(async () => {
      const made = await admin.create(widgets('v2'), {
        metadata: key('third'),
        host: 'c',
        port: '4',
      });
      await admin.delete(widgets('v2'), key('third'));
      return made.host;
    })
    .toBe('c');
  await admin.create(widgets('v2'), { metadata: key('third'), host: 'c', port: '4' });
  const shown = async (version: string): Promise<unknown[]> =>
    (await admin.list(widgets(version))).items.map(
      ({ hostPort, host, port }) => hostPort ?? [host, port],
    );
  await expect.poll(() => shown('v1'), { timeout: 10_000 }).toEqual(['a:1', 'b:3', 'c:4']);
  expect(await shown('v2')).toEqual([
    ['a', '1'],
    ['b', '3'],
    ['c', '4'],
  ]);
});

/** What a watch of v1 tells, until disposed of: `ADDED name hostPort`. */
function watchV1(fieldSelector?: string): AsyncDisposable & { readonly seen: string[] } {
  const stop = new AbortController();
  const seen: string[] = [];
  const options = { signal: stop.signal, ...(fieldSelector && { fieldSelector }) };
  const watching = (async () => {
    try {
      for await (const events of cluster.admin.watch(widgets('v1'), options)) {
        for (const { type, object } of events) {
          const { metadata, hostPort } = object as Widget;
          if (type !== 'BOOKMARK') seen.push(`${type} ${metadata.name} ${hostPort}`);
        }
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  })();
  return {
    seen,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}

test('a watch tells of changes in its version, in their order', async () => {
  const { admin } = cluster;
  await using watch = watchV1();
  const { seen } = watch;
  const wait = { timeout: 5_000 };
  await expect.poll(() => seen.length, wait).toBeGreaterThan(2);
  seen.length = 0;
  const made = await admin.create(widgets('v2'), { metadata: key('w'), host: 'w', port: '1' });
  await admin.update(widgets('v2'), { ...made, port: '2' });
  await admin.delete(widgets('v2'), key('w'));
  await expect.poll(() => seen, wait).toEqual(['ADDED w w:1', 'MODIFIED w w:2', 'DELETED w w:2']);
});

test('a watch selects by the fields of its version: what enters is added, what leaves is deleted', async () => {
  const { admin } = cluster;
  await using watch = watchV1('hostPort=w:2');
  await admin.create(widgets('v2'), { metadata: key('other'), host: 'o', port: '2' });
  const made = await admin.create(widgets('v2'), { metadata: key('w'), host: 'w', port: '1' });
  const entered = await admin.update(widgets('v2'), { ...made, port: '2' });
  await admin.update(widgets('v2'), { ...entered, port: '3' });
  const expected = ['ADDED w w:2', 'DELETED w w:2'];
  await expect.poll(() => watch.seen, { timeout: 5_000 }).toEqual(expected);
  for (const name of ['w', 'other']) await admin.delete(widgets('v2'), key(name));
});

test('a conversion that fails is told as it is', async () => {
  await redefine('v2', '/fail');
  const attempt = async (): Promise<string> => {
    try {
      await cluster.admin.get(widgets('v1'), key('third'));
      return 'converted';
    } catch (error) {
      const { code, message } = error as { readonly code: number; readonly message: string };
      return `${code} ${message}`;
    }
  };
  await expect
    .poll(attempt, { timeout: 10_000 })
    .toBe('500 conversion webhook for stable.example.com/v2, Kind=Widget failed: cannot do that');
});
