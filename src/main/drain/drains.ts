import { randomUUID } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { NodeDrain } from '#shared/contract/drains.ts';
import { drain } from './drain.ts';

export interface DrainsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

interface Running {
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** The drains of a cluster's nodes, whoever began them. Disposing stops them. */
export class Drains implements AsyncDisposable {
  readonly #options: DrainsOptions;
  readonly #running = new Map<string, Running>();
  readonly #known = new Map<string, NodeDrain>();
  readonly #listeners = new Set<() => void>();

  constructor(options: DrainsOptions) {
    this.#options = options;
  }

  list(): readonly NodeDrain[] {
    return [...this.#known.values()];
  }

  /** Calls `listener` whenever the list has changed. */
  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Begins, or joins the drain that is under way. Resolves once all pods have gone; throws what kept one. */
  run(node: string): Promise<void> {
    const { ended } = this.#running.get(node) ?? this.#begin(node);
    return ended;
  }

  /** Resolves once it has been stopped; at once where none is under way. */
  async stop(node: string): Promise<void> {
    const running = this.#running.get(node);
    running?.stop.abort(stopped);
    await running?.ended.catch(() => {}); // whoever ran it hears of it
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.keys()].map((node) => this.stop(node)));
  }

  #begin(node: string): Running {
    const id = randomUUID();
    this.#known.delete(node);
    this.#put({ id, node, state: 'running', gone: 0, total: 0, waitsFor: '' });
    const stop = new AbortController();
    const ended = this.#carry(node, stop.signal);
    const running = { stop, ended };
    this.#running.set(node, running);
    ended.catch(() => {}); // told in the list
    return running;
  }

  async #carry(node: string, signal: AbortSignal): Promise<void> {
    const { cluster, clock, log } = this.#options;
    const change = (to: Partial<NodeDrain>): void =>
      this.#put({ ...this.#known.get(node)!, ...to });
    try {
      await drain(cluster, node, { clock, signal, report: change });
      change({ state: 'done' });
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (signal.aborted) change({ state: 'stopped', waitsFor: '' });
      else {
        log.warn('A node could not be drained', { node, error });
        change({ state: 'failed', waitsFor: '', problem });
      }
      throw error;
    } finally {
      this.#running.delete(node);
    }
  }

  #put(drain: NodeDrain): void {
    this.#known.set(drain.node, drain);
    for (const listener of this.#listeners) listener();
  }
}

const stopped = new Error(
  'The drain was stopped: what has not gone stays, and the node stays cordoned',
);
