import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { Recent } from '#shared/base/recent.ts';
import { events as coreEvents } from '#shared/api/core/event.ts';
import type { Event } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { EventRecorder, EventSubject } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';

const queueLength = 1000;
const triesPerEvent = 12;
const retryMs = 10_000;

export interface RecorderOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly component: string;
  readonly host?: string;
}

/** An event as its source makes it; the server adds the rest. */
export type NewEvent = Pick<
  Event,
  | 'involvedObject'
  | 'reason'
  | 'message'
  | 'source'
  | 'type'
  | 'reportingComponent'
  | 'reportingInstance'
> & {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
};

/**
 * Records events in order, correlated as client-go correlates them. Recording never waits; what
 * cannot be written after a dozen tries is given up.
 */
export class Recorder implements EventRecorder, AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #correlator: EventCorrelator;
  readonly #queue: NewEvent[] = [];
  readonly #stop = new AbortController();
  #draining: Promise<void> | undefined;
  #lastNanos = 0n;
  #dropped = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#correlator = new EventCorrelator(options.clock);
  }

  record(about: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#stop.signal.aborted) return;
    const event = this.#correlator.correlate(this.#eventOf(about, { type, reason, message }));
    if (!event) return;
    if (this.#queue.length >= queueLength) this.#dropped++;
    else this.#queue.push(event);
    this.#draining ??= this.#drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The event recorder has been stopped'));
    this.#queue.length = 0;
    await this.#draining;
  }

  #eventOf(about: EventSubject, said: { type: string; reason: string; message: string }): NewEvent {
    const { component, host, clock } = this.#options;
    const { apiVersion, kind, metadata, fieldPath } = about;
    const { name, namespace, uid, resourceVersion } = metadata;
    const now = clock.now();
    const time = timestamp(now);
    return {
      metadata: { name: `${name}.${this.#uniqueNanos(now)}`, namespace: namespace || 'default' },
      involvedObject: {
        kind,
        ...(namespace && { namespace }),
        name,
        uid,
        apiVersion,
        ...(resourceVersion && { resourceVersion }),
        ...(fieldPath && { fieldPath }),
      },
      ...said,
      source: { component, ...(host && { host }) },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? '',
    };
  }

  /**
   * Nanoseconds since 1970 in hexadecimal, as in upstream's names; never the same twice. What the
   * wall leaves out comes from the measured time: others speak of the same object in this millisecond.
   */
  #uniqueNanos(now: number): string {
    const within = Math.trunc((this.#options.clock.elapsed() % 1) * 1_000_000);
    const nanos = BigInt(Math.trunc(now)) * 1_000_000n + BigInt(within);
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n;
    return this.#lastNanos.toString(16);
  }

  async #drain(): Promise<void> {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift())
      await this.#write(event);
    this.#draining = undefined;
    if (this.#dropped > 0) {
      const { log, component } = this.#options;
      log.warn('Events were dropped: too many at once', { component, count: this.#dropped });
      this.#dropped = 0;
    }
  }

  async #write(event: NewEvent): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    for (let tries = 1; tries <= triesPerEvent && !signal.aborted; tries++) {
      try {
        await this.#send(event);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const isOutage = !ApiError.is(error) || [503, 504].includes(error.code);
        if (!isOutage) {
          const isExpected = error.reason === 'AlreadyExists' || isNamespaceEnding(error);
          if (!isExpected) log.warn('The server refused an event', { event: event.reason, error });
          return;
        }
        await sleep(clock, retryMs, signal).catch(() => undefined); // stopped: the loop's condition ends it
      }
    }
    if (!signal.aborted) log.warn('Cannot write an event; given up', { reason: event.reason });
  }

  async #send(event: NewEvent): Promise<void> {
    const { cluster, component } = this.#options;
    const { count, lastTimestamp, message } = event;
    if (count > 1) {
      try {
        const body = { count, lastTimestamp, message };
        await cluster.patch(coreEvents, event.metadata, { type: patchTypes.strategic, body });
        return;
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
      }
    }
    await cluster.create(coreEvents, event, { fieldManager: component });
  }
}

/** client-go's defaults. */
const cacheSize = 4096;
const similarBeforeCombining = 10;
const combiningWindowMs = 600_000;
const burst = 25;
const refillMs = 300_000;

interface Sighting {
  readonly name: string;
  readonly firstTimestamp: string;
  readonly count: number;
}

/**
 * client-go's EventCorrelator: the same event again only raises a count; ten that differ in their
 * message alone within ten minutes are combined; and one source may say 25 things about an object,
 * then one every five minutes.
 */
export class EventCorrelator {
  readonly #clock: Clock;
  readonly #seen = new Recent<string, Sighting>(cacheSize);
  readonly #similar = new Recent<string, { readonly messages: Set<string>; readonly at: number }>(
    cacheSize,
  );
  readonly #budgets = new Recent<string, { readonly tokens: number; readonly at: number }>(
    cacheSize,
  );

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The event as it should be written, or `undefined` for one that should not. */
  correlate(event: NewEvent): NewEvent | undefined {
    const now = this.#clock.now();
    const [combined, key] = this.#combine(event, now);
    const counted = this.#count(combined, key);
    return this.#isAllowed(event, now) ? counted : undefined;
  }

  #combine(event: NewEvent, now: number): [NewEvent, string] {
    const group = groupKey(event);
    const known = this.#similar.get(group);
    const isFresh = known && now - known.at <= combiningWindowMs;
    const messages = isFresh ? known.messages : new Set<string>();
    messages.add(event.message ?? '');
    this.#similar.set(group, { messages, at: now });
    const { fieldPath = '' } = event.involvedObject;
    if (messages.size < similarBeforeCombining)
      return [event, `${group}/${fieldPath}/${event.message}`];
    for (const oldest of messages) {
      messages.delete(oldest);
      break;
    }
    const message = `(combined from similar events): ${event.message}`;
    return [{ ...event, message, reportingComponent: '', reportingInstance: '' }, group];
  }

  #count(event: NewEvent, key: string): NewEvent {
    const last = this.#seen.get(key);
    const { name, firstTimestamp } = last ?? {
      name: event.metadata.name,
      firstTimestamp: event.firstTimestamp,
    };
    const count = (last?.count ?? 0) + 1;
    this.#seen.set(key, { name, firstTimestamp, count });
    return { ...event, metadata: { ...event.metadata, name }, firstTimestamp, count };
  }

  #isAllowed({ source, involvedObject: about }: NewEvent, now: number): boolean {
    const key = [source?.component, source?.host, ...objectParts(about)].join('/');
    const budget = this.#budgets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, budget.tokens + (now - budget.at) / refillMs);
    const allowed = tokens >= 1;
    this.#budgets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
    return allowed;
  }
}

function objectParts(about: Event['involvedObject']): (string | undefined)[] {
  return [about.kind, about.namespace, about.name, about.uid, about.apiVersion];
}

function groupKey(event: NewEvent): string {
  const { source, involvedObject, type, reason } = event;
  return [source?.component, source?.host, ...objectParts(involvedObject), type, reason].join('/');
}

function isNamespaceEnding(error: ApiError): boolean {
  return error.causes.some(({ type }) => type === 'NamespaceTerminating');
}

/** RFC 3339 with seconds, as metav1.Time. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
