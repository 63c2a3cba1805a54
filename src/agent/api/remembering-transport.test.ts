import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRememberingTransport } from './remembering-transport.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { services } from '#shared/api/core/service.ts';
import { silentLog as log } from '#shared/base/log.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { Transport, WatchEvent } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

let folder: string;
const clock = new FakeClock();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-remembered-'));
});
afterEach(() => rm(folder, { recursive: true }));

function service(name: string, resourceVersion: string): KubeObject {
  const metadata = { name, namespace: 'default', resourceVersion };
  return { apiVersion: 'v1', kind: 'Service', metadata } as unknown as KubeObject;
}

/** A server that knows a list, tells these changes, and can be out of reach. */
function server(items: readonly KubeObject[], batches: readonly WatchEvent[][] = []) {
  const state = { isAway: false };
  const check = (): void => {
    if (state.isAway) throw new ApiError('ServiceUnavailable', 'Cannot reach the API server');
  };
  const transport: Transport = {
    async request() {
      check();
      return { apiVersion: 'v1', kind: 'ServiceList', metadata: { resourceVersion: '10' }, items };
    },
    async *watch() {
      check();
      yield* batches;
    },
  };
  return { state, transport };
}

const away = server([]);
away.state.isAway = true;

async function follow(cluster: Cluster): Promise<void> {
  await cluster.list(services);
  for await (const _ of cluster.watch(services, { resourceVersion: '10' }));
}

/** What another process is told while the server is away: `revision: name@version …`. */
async function remembered(): Promise<string> {
  await using transport = createRememberingTransport({ ...away, folder, clock, log });
  const { metadata, items } = await createCluster(transport).list(services);
  const names = items.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);
  return `${metadata.resourceVersion}: ${names.join(' ')}`;
}

const changes: WatchEvent[][] = [
  [{ type: 'MODIFIED', object: service('a', '11') }],
  [
    { type: 'ADDED', object: service('c', '12') },
    { type: 'DELETED', object: service('b', '13') },
  ],
  [{ type: 'BOOKMARK', object: service('', '20') }],
];

test('A list and its changes are told again while the server is away', async () => {
  const { transport } = server([service('a', '3'), service('b', '4')], changes);
  {
    await using own = createRememberingTransport({ transport, folder, clock, log });
    await follow(createCluster(own));
  }
  expect(await remembered()).toBe('20: a@11 c@12');
});

test('Nothing is told where nothing was ever listed, and other refusals pass through', async () => {
  await expect(remembered()).rejects.toThrow('Cannot reach the API server');
  const forbidden: Transport = {
    request: () => Promise.reject(new ApiError('Forbidden', 'services is forbidden')),
    watch: away.transport.watch,
  };
  await using own = createRememberingTransport({ transport: forbidden, folder, clock, log });
  await expect(createCluster(own).list(services)).rejects.toThrow('forbidden');
});

test('What a crash left of the last line is passed over', async () => {
  const { transport } = server([service('a', '3')], changes);
  {
    await using own = createRememberingTransport({ transport, folder, clock, log });
    await follow(createCluster(own));
  }
  const [file = ''] = await readdir(folder);
  await appendFile(join(folder, file), '{"type":"ADDED","object":{"metad');
  expect(await remembered()).toBe('20: a@11 c@12');

  // The server is away at first, and then goes on from what is remembered.
  const later = server([], [[{ type: 'ADDED', object: service('d', '21') }]]);
  {
    await using own = createRememberingTransport({
      transport: later.transport,
      folder,
      clock,
      log,
    });
    later.state.isAway = true;
    await createCluster(own).list(services);
    later.state.isAway = false;
    for await (const _ of createCluster(own).watch(services, { resourceVersion: '20' }));
  }
  expect(await remembered()).toBe('21: a@11 c@12 d@21');
});

test('A file is written anew when more changes than objects follow its list', async () => {
  const many = Array.from({ length: 1200 }, (_, at): WatchEvent[] => [
    { type: 'MODIFIED', object: service('a', String(11 + at)) },
  ]);
  const { transport } = server([service('a', '3')], many);
  {
    await using own = createRememberingTransport({ transport, folder, clock, log });
    await follow(createCluster(own));
  }
  const [file = ''] = await readdir(folder);
  expect((await readFile(join(folder, file), 'utf8')).split('\n').length).toBeLessThan(800);
  expect(await remembered()).toBe('1210: a@1210');
});

test('Lists that nobody asked for in an hour are forgotten', async () => {
  const { transport } = server([service('a', '3')]);
  {
    await using own = createRememberingTransport({ transport, folder, clock, log });
    const cluster = createCluster(own);
    await cluster.list(services, { namespace: 'default' });
    await cluster.list(services);
  }
  await using later = createRememberingTransport({ transport, folder, clock, log });
  await createCluster(later).list(services);
  expect(await readdir(folder)).toHaveLength(2);
  await clock.advance(3_600_000);
  await expect.poll(() => readdir(folder)).toHaveLength(1);
  expect(await remembered()).toBe('10: a@3');
});
