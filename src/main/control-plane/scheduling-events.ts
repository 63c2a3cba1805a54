import { randomUUID } from 'node:crypto';
import type { RecordEvent } from '#main/control-plane/scheduler/plugin.ts';
import { events } from '#shared/api/events/event.ts';
import type { Event } from '#shared/api/types/events-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { KeyedLoop } from '#shared/base/keyed-loop.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New } from '#shared/kube/object.ts';

export interface SchedulingEventsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  /** Such as `default-scheduler`. */
  readonly controller: string;
}

type SchedulingEvent = Parameters<RecordEvent>[0];

interface Told {
  readonly event: New<Event>;
  /** What the server made of it, once it has. */
  stored: Event | undefined;
  count: number;
  lastAt: number;
}

/** The same event is one object with a count for so long. */
const seriesMs = 6 * 60_000;
const concurrency = 8;
/** A flood loses events rather than memory. */
const longestQueue = 20_000;

/** Records what the scheduler did, as events of the group events.k8s.io. Recording never waits. */
export class SchedulingEvents implements AsyncDisposable {
  readonly #options: SchedulingEventsOptions;
  readonly #told = new Map<string, Told>();
  readonly #loop: KeyedLoop<string>;

  constructor(options: SchedulingEventsOptions) {
    this.#options = options;
    this.#loop = new KeyedLoop({
      clock: options.clock,
      concurrency,
      run: (key) => this.#write(key),
      backoffMs: () => 10_000,
      onError: (_key, error) => options.log.warn('Cannot record an event', { error }),
    });
  }

  readonly record: RecordEvent = (event) => {
    const { clock } = this.#options;
    const { uid } = event.regarding.metadata;
    const key = [uid, event.action, event.reason, event.type, event.note].join('\0');
    const known = this.#told.get(key);
    if (known && clock.now() - known.lastAt < seriesMs) {
      known.count++;
      known.lastAt = clock.now();
      // Moved to the end: what has been silent the longest is forgotten first.
      this.#told.delete(key);
      this.#told.set(key, known);
    } else {
      this.#forgetOld();
      const made = {
        event: this.#eventOf(event),
        stored: undefined,
        count: 1,
        lastAt: clock.now(),
      };
      this.#told.set(key, made);
    }
    this.#loop.add(key);
  };

  /** What has been silent for too long to go on with, and under a flood the oldest at all. */
  #forgetOld(): void {
    const silentSince = this.#options.clock.now() - seriesMs;
    for (const [key, { stored, lastAt }] of this.#told) {
      const isOver = stored !== undefined && lastAt <= silentSince;
      if (!isOver && this.#told.size < longestQueue) return;
      this.#told.delete(key);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#loop[Symbol.asyncDispose]();
  }

  async #write(key: string): Promise<void> {
    const told = this.#told.get(key);
    if (!told) return;
    const { cluster } = this.#options;
    try {
      if (!told.stored) told.stored = await cluster.create(events, told.event);
      else {
        const lastObservedTime = microTime(told.lastAt);
        const body = { series: { count: told.count, lastObservedTime } };
        const { namespace, name } = told.stored.metadata;
        await cluster.patch(events, { namespace, name }, { type: patchTypes.merge, body });
      }
    } catch (error) {
      // Its namespace ends, or it has expired: there is nobody left to tell.
      if (!ApiError.is(error, 'NotFound', 'Forbidden', 'Invalid', 'AlreadyExists')) throw error;
      this.#told.delete(key);
    }
  }

  #eventOf({ regarding, related, type, reason, action, note }: SchedulingEvent): New<Event> {
    const { clock, controller } = this.#options;
    const { namespace = 'default', name } = regarding.metadata;
    const suffix = randomUUID().replaceAll('-', '').slice(0, 16);
    return {
      metadata: { name: `${name}.${suffix}`, namespace },
      eventTime: microTime(clock.now()),
      reportingController: controller,
      reportingInstance: controller,
      action,
      reason,
      regarding: referenceTo(regarding),
      ...(related && { related: referenceTo(related) }),
      note,
      type,
    };
  }
}

function referenceTo({ metadata }: SchedulingEvent['regarding']): Event['regarding'] {
  const { namespace, name, uid, resourceVersion } = metadata;
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    ...(namespace && { namespace }),
    name,
    uid,
    resourceVersion,
  };
}

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
