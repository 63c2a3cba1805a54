import { expect, test } from 'vitest';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog as log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { settle } from '../../../test/support/fake-clock.ts';
import { Heartbeats } from './heartbeats.ts';

/** A process that is so busy that every timer comes this much too late. */
class LateClock implements Clock {
  #elapsed = 0;
  readonly #lateMs: number;
  #tasks: { readonly at: number; readonly task: () => void }[] = [];

  constructor(lateMs: number) {
    this.#lateMs = lateMs;
  }

  now(): number {
    return this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(ms: number, task: () => void): Disposable {
    const timer = { at: this.#elapsed + ms, task };
    this.#tasks.push(timer);
    return { [Symbol.dispose]: () => void (this.#tasks = this.#tasks.filter((x) => x !== timer)) };
  }

  async runUntil(end: number): Promise<void> {
    while (this.#elapsed < end) {
      const tasks = this.#tasks.splice(0);
      this.#elapsed = Math.max(...tasks.map(({ at }) => at)) + this.#lateMs;
      for (const { task } of tasks) task();
      await settle();
    }
  }
}

test.each([0, 400, 3_000, 25_000])(
  'Timers that come %i ms late put off no lease by more than that',
  async (lateMs) => {
    const clock = new LateClock(lateMs);
    const renewals = new Map<string, number[]>();
    const note = ({ metadata }: { metadata: { name: string } }): void => {
      const times = renewals.get(metadata.name) ?? [];
      renewals.set(metadata.name, [...times, clock.elapsed()]);
    };
    const cluster = {
      create: async (_: unknown, lease: Lease) => (note(lease), lease),
      update: async (_: unknown, object: Lease | Node) => {
        if (object.kind !== 'Node') note(object);
        return object;
      },
    } as unknown as Cluster;
    const find = (name: string): Node =>
      ({ kind: 'Node', metadata: { name, uid: name }, status: {} }) as unknown as Node;
    await using heartbeats = new Heartbeats({ clock, log, clusterFor: () => cluster, find });
    for (let at = 0; at < 100; at++) heartbeats.add(`node-${at}`);
    await settle();
    await clock.runUntil(120_000);
    const gaps = [...renewals.values()].flatMap((times) =>
      times.slice(1).map((time, at) => time - times[at]!),
    );
    expect(renewals.size).toBe(100);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_000 + 250 + lateMs);
  },
);
