import { describe, expect, test } from 'vitest';
import { Channel } from '#shared/base/channel.ts';
import type { TableTransport, WatchEvent } from '#shared/client/transport.ts';
import type { Followed } from '#shared/contract/following.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { followingHandlers } from '#main/window/following.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

const kind = { group: '', version: 'v1', plural: 'pods' };
const pod = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'ns',
    uid: name,
    resourceVersion,
    creationTimestamp: '',
    managedFields: [{}],
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'a' },
  },
});
const told = (name: string, resourceVersion: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'ns',
    uid: name,
    resourceVersion,
    creationTimestamp: '',
    annotations: { kept: 'a' },
  },
});
const event = (type: 'MODIFIED' | 'DELETED', name: string, version: string): WatchEvent => ({
  type,
  object: pod(name, version),
});
const expired: WatchEvent = {
  type: 'ERROR',
  object: new ApiError('Expired', 'too old').toStatus(),
};

/** A server that lists these names, whose watches the test feeds one after another. */
function serverOf(names: readonly string[]) {
  const watches: { since: string; events: Channel<readonly WatchEvent[]> }[] = [];
  let lists = 0;
  const way: TableTransport = {
    request: () =>
      Promise.resolve({
        metadata: { resourceVersion: String(100 * ++lists) },
        items: names.map((name) => pod(name, '1')),
      }),
    watch(request) {
      const events = new Channel<readonly WatchEvent[]>();
      watches.push({ since: request.query?.['resourceVersion'] ?? '', events });
      return events;
    },
  };
  return { way, watches };
}

function following(ways: readonly TableTransport[]) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const { follow } = followingHandlers({ ways, clock });
  const stream = follow(kind, { signal: stop.signal })[Symbol.asyncIterator]();
  const next = async (): Promise<Followed<unknown>> => (await stream.next()).value!;
  return { clock, next };
}

test('events are as old as what they tell of', async () => {
  const clock = new FakeClock();
  const object = { metadata: { name: 'e', namespace: 'ns', creationTimestamp: 'long ago' } };
  const row = (seen: string): object => ({ cells: [seen], object });
  const way: TableTransport = {
    request: () =>
      Promise.resolve({ metadata: {}, rows: [row('2m5s (x4 over 9m)'), row('<unknown>')] }),
    watch: () => new Channel(),
  };
  const { followTable } = followingHandlers({ ways: [way], clock });
  const kind = { group: '', version: 'v1', plural: 'events' };
  const told = followTable(kind, { signal: new AbortController().signal });
  const rows: unknown[] = [];
  for await (const each of told) {
    if (each.type === 'changes') rows.push(...each.put.map(({ created }) => created));
    if (each.type === 'complete') break;
  }
  expect(rows).toEqual([new Date(clock.now() - 125_000).toISOString(), 'long ago']);
});

describe('a kind that is followed', () => {
  test('is read first, without what nobody looks at in a list', async () => {
    const { next } = following([serverOf(['a', 'b']).way]);
    expect([await next(), await next(), await next()]).toEqual([
      { type: 'begin', columns: [] },
      { type: 'changes', put: [told('a', '1'), told('b', '1')], gone: [] },
      { type: 'complete' },
    ]);
  });

  test('is told of at once, then what has gathered: of each object only the latest', async () => {
    const { way, watches } = serverOf([]);
    const { clock, next } = following([way]);
    await next();
    await next();
    const first = next();
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.events.push([event('MODIFIED', 'a', '2')]);
    expect(await first).toEqual({ type: 'changes', put: [told('a', '2')], gone: [] });
    const second = next();
    watches[0]!.events.push([event('MODIFIED', 'a', '3'), event('MODIFIED', 'b', '4')]);
    watches[0]!.events.push([event('MODIFIED', 'a', '5'), event('DELETED', 'b', '6')]);
    await clock.advance(249);
    await clock.advance(1);
    expect(await second).toEqual({ type: 'changes', put: [told('a', '5')], gone: ['ns/b'] });
  });

  test('goes on where a watch ended', async () => {
    const { way, watches } = serverOf([]);
    const { next } = following([way]);
    await next();
    await next();
    const change = next();
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.events.push([
      { type: 'BOOKMARK', object: { ...pod('', '170'), metadata: pod('', '170').metadata } },
    ]);
    watches[0]!.events.end();
    await expect.poll(() => watches.map(({ since }) => since)).toEqual(['100', '170']);
    watches[1]!.events.push([event('MODIFIED', 'a', '171')]);
    expect(await change).toMatchObject({ type: 'changes' });
  });

  test('is read again when the past of its watch is gone', async () => {
    const { way, watches } = serverOf([]);
    const { next } = following([way]);
    await next();
    await next();
    const again = next();
    await expect.poll(() => watches.length).toBe(1);
    watches[0]!.events.push([expired]);
    expect(await again).toEqual({ type: 'begin', columns: [] });
  });

  test('is asked of the next way where the nearest does not know it', async () => {
    const unknown = new ApiError('NotFound', 'the server could not find the requested resource');
    const near: TableTransport = { ...serverOf([]).way, request: () => Promise.reject(unknown) };
    const { next } = following([near, serverOf(['a']).way]);
    await next();
    expect(await next()).toMatchObject({ put: [told('a', '1')] });
  });
});
