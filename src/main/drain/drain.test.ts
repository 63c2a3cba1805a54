import { expect, test } from 'vitest';
import { Drains } from '#main/drain/drains.ts';
import { silentLog } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';

interface Setup {
  /** What an eviction of the pod is answered, one after another; nothing: it goes. */
  readonly refusals?: Readonly<Record<string, ApiError[]>>;
  readonly names: readonly string[];
}

const tight = (): ApiError =>
  new ApiError('TooManyRequests', 'Cannot evict pod as it would violate the budget.', {
    causes: [{ type: 'DisruptionBudget', field: '', message: 'The disruption budget web needs 2' }],
  });

/** As much of a cluster as a drain asks for. */
function start({ names, refusals = {} }: Setup) {
  const calls: string[] = [];
  const there = new Map(
    names.map((name) => [
      name,
      {
        metadata: { namespace: 'default', name, uid: `uid of ${name}` },
        spec: { nodeName: 'a' },
        status: { phase: 'Running' },
      },
    ]),
  );
  const cluster = {
    list: async ({ plural }: { plural: string }) => ({
      items: plural === 'pods' ? [...there.values()] : [],
    }),
    patch: async (_kind: object, { name }: { name: string }, { body }: { body: unknown }) =>
      calls.push(`patch ${name} ${JSON.stringify(body)}`),
    post: async (_kind: object, { name }: { name: string }, body: object) => {
      const { deleteOptions } = body as { deleteOptions: { preconditions: { uid: string } } };
      calls.push(`evict ${name} ${deleteOptions.preconditions.uid}`);
      const refusal = refusals[name]?.shift();
      if (refusal) throw refusal;
      there.delete(name);
    },
  } as unknown as Cluster;
  const clock = new FakeClock();
  const drains = new Drains({ cluster, clock, log: silentLog });
  const seen: string[] = [];
  drains.subscribe(() => {
    const [{ state, gone, total, waitsFor } = { state: 'none', gone: 0, total: 0, waitsFor: '' }] =
      drains.list();
    seen.push(`${state} ${gone}/${total} ${waitsFor}`.trim());
  });
  return { calls, clock, drains, there, seen };
}

test('a drain cordons, evicts, and waits for a budget instead of overruling it', async () => {
  const { calls, clock, drains, seen } = start({
    names: ['web-1', 'web-2'],
    refusals: { 'web-2': [tight()] },
  });
  const ended = drains.run('a');
  await settle();
  expect(calls).toEqual([
    'patch a {"spec":{"unschedulable":true}}',
    'evict web-1 uid of web-1',
    'evict web-2 uid of web-2',
  ]);
  await clock.advance(4_900);
  expect(calls).toHaveLength(3);
  await clock.advance(600);
  await ended;
  expect(calls.slice(3)).toEqual(['evict web-2 uid of web-2']);
  expect([...new Set(seen)]).toEqual([
    'running 0/0',
    'running 1/2 default/web-2: The disruption budget web needs 2',
    'running 2/2',
    'done 2/2',
  ]);
});

test('a server that is being started is waited for; a refusal that is none fails the drain', async () => {
  const away = new ApiError('ServiceUnavailable', 'It is being started');
  const { clock, drains } = start({ names: ['web-1'], refusals: { 'web-1': [away] } });
  const ended = drains.run('a');
  await settle();
  await clock.advance(6_000);
  await ended;
  const forbidden = new ApiError('Forbidden', 'You may not');
  const other = start({ names: ['web-1'], refusals: { 'web-1': [forbidden] } });
  await expect(other.drains.run('a')).rejects.toThrow('You may not');
  expect(other.drains.list()).toMatchObject([{ state: 'failed', problem: 'You may not' }]);
});

test('a second wish joins the first, and stopping leaves what has not gone', async () => {
  const { calls, drains, there, clock } = start({
    names: ['web-1'],
    refusals: { 'web-1': [tight(), tight()] },
  });
  const [first, second] = [drains.run('a'), drains.run('a')];
  first.catch(() => {});
  await settle();
  await drains.stop('a');
  await expect(first).rejects.toThrow('stays cordoned');
  await expect(second).rejects.toThrow('stays cordoned');
  expect(drains.list()).toMatchObject([{ state: 'stopped', gone: 0, total: 1 }]);
  expect([...there.keys()]).toEqual(['web-1']);
  await clock.advance(20_000);
  expect(calls.filter((call) => call.startsWith('evict'))).toHaveLength(1);
  const again = drains.run('a');
  await settle();
  await clock.advance(6_000);
  await again;
  expect(drains.list()).toMatchObject([{ state: 'done' }]);
});
