import { join } from 'node:path';
import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Restoration, RestoreStepId } from '#shared/contract/snapshots.ts';
import type { SnapshotCatalog } from '#main/control-plane/etcd/snapshot/catalog.ts';
import { restoreSnapshot } from '#main/control-plane/etcd/snapshot/restore.ts';
import { isExchangeDue, type RestoreJournal } from './restore-journal.ts';

/** What has to end for the store to be exchanged, and comes back on the new one. */
export interface RestartablePlane {
  readonly current: { readonly cluster: Cluster; readonly snapshots: SnapshotCatalog };
  /** Ends the control plane, does what is asked while nobody has the store open, starts it again. */
  restartAround(task: () => Promise<void>): Promise<void>;
}

export interface RestorerOptions {
  readonly plane: RestartablePlane;
  readonly journal: RestoreJournal;
  /** The store's file. */
  readonly store: string;
  readonly snapshots: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Nodes that have not reported by then are named, and nobody waits any longer. */
const nodesWaitMs = 90_000;
const nodesLookMs = 500;

/**
 * Restores a running cluster, step by step, each noted before it begins. Until the control plane has
 * been stopped nothing is changed; from then on it goes on even if the process ends on the way.
 */
export class Restorer implements AsyncDisposable {
  readonly #options: RestorerOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  get restoration(): Restoration | undefined {
    return this.#options.journal.current;
  }

  /** Resolves once it has begun. Throws when one is under way or the snapshot is not there. */
  async begin(name: string): Promise<void> {
    const { journal, plane } = this.#options;
    if (journal.current?.state === 'running')
      throw new Error(`Cannot restore ${name}: ${journal.current.snapshot} is being restored`);
    await plane.current.snapshots.find(name);
    await journal.begin(name);
    this.#running = this.#run(name);
  }

  /** Goes on with what broke off, once the control plane runs again. */
  async resume(): Promise<void> {
    const { journal } = this.#options;
    const { current } = journal;
    if (current?.state !== 'running') return;
    if (stateOf(current, 'exchange') !== 'done') {
      await journal.end('broken off');
      return;
    }
    this.#running = this.#finish(current.snapshot);
  }

  async dismiss(): Promise<void> {
    const { journal } = this.#options;
    if (journal.current?.state === 'running')
      throw new Error('Cannot put the restoration away: it is still under way');
    await journal.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The cluster is stopping'));
    await this.#running;
  }

  async #run(name: string): Promise<void> {
    const { plane, journal, log } = this.#options;
    try {
      const { snapshots } = plane.current;
      const entry = await snapshots.find(name);
      await this.#step('verify', async () => {
        const evidence = await snapshots.verify(entry);
        return `${evidence?.liveKeys ?? 0} keys, equal in a scratch store`;
      });
      await this.#step('precaution', async () => {
        const { path } = await snapshots.save('precaution');
        return `What is there now is kept as ${path.split(/[/\\]/).at(-1)}`;
      });
      await journal.set('stop', { state: 'running', startedAt: this.#options.clock.now() });
      await plane.restartAround(() => this.#exchange(name));
    } catch (error) {
      log.error('The cluster could not be restored', { snapshot: name, error });
      await this.#fail(error);
      return;
    }
    await this.#finish(name);
  }

  async #exchange(name: string): Promise<void> {
    const { journal, clock } = this.#options;
    const endedAt = clock.now();
    await journal.set('stop', { state: 'done', endedAt, detail: 'Its store is closed' });
    await exchangeStore(this.#options, name);
    await journal.set('start', { state: 'running', startedAt: clock.now() });
  }

  async #finish(name: string): Promise<void> {
    const { journal, clock, log } = this.#options;
    try {
      const detail = 'The API answers from the restored state';
      await journal.set('start', { state: 'done', endedAt: clock.now(), detail });
      await this.#step('nodes', () => this.#waitForNodes());
      await journal.end('done');
      log.info('The cluster has been restored', { snapshot: name });
    } catch (error) {
      if (!this.#stop.signal.aborted) await this.#fail(error);
    }
  }

  async #step(id: RestoreStepId, work: () => Promise<string>): Promise<void> {
    const { journal, clock } = this.#options;
    await journal.set(id, { state: 'running', startedAt: clock.now() });
    const detail = await work();
    await journal.set(id, { state: 'done', endedAt: clock.now(), detail });
  }

  async #fail(error: unknown): Promise<void> {
    const { journal, clock } = this.#options;
    const running = journal.current?.steps.find(({ state }) => state === 'running');
    const detail = error instanceof Error ? error.message : String(error);
    if (running) await journal.set(running.id, { state: 'failed', endedAt: clock.now(), detail });
    await journal.end('failed');
  }

  /** Those of the restored state; one that came later registers again by itself. */
  async #waitForNodes(): Promise<string> {
    const { plane, clock } = this.#options;
    const until = clock.elapsed() + nodesWaitMs;
    for (;;) {
      const { items } = await plane.current.cluster.list(nodes);
      const missing = items.filter((node) => !isReady(node)).map(({ metadata }) => metadata.name);
      if (missing.length === 0) return `${items.length} of ${items.length} are ready`;
      if (clock.elapsed() > until)
        return `Not heard of yet: ${missing.join(', ')}; see whether they are running`;
      await sleep(clock, nodesLookMs, this.#stop.signal);
    }
  }
}

/**
 * Before anybody opens the store: does what a restoration that broke off had stopped it for. If that
 * is not possible, the store stays what it was and the journal says why.
 */
export async function finishExchange(options: ExchangeOptions): Promise<void> {
  const { journal, log, clock } = options;
  const { current } = journal;
  if (!current || !isExchangeDue(current)) return;
  try {
    await exchangeStore(options, current.snapshot);
  } catch (error) {
    log.error('The restoration cannot go on', { snapshot: current.snapshot, error });
    const detail = error instanceof Error ? error.message : String(error);
    await journal.set('exchange', { state: 'failed', endedAt: clock.now(), detail });
    await journal.end('failed');
  }
}

type ExchangeOptions = Omit<RestorerOptions, 'plane'>;

async function exchangeStore(
  { journal, store, snapshots, clock }: ExchangeOptions,
  name: string,
): Promise<void> {
  await journal.set('exchange', { state: 'running', startedAt: clock.now() });
  const { liveKeys, newRevision } = await restoreSnapshot({
    snapshot: join(snapshots, name),
    store,
  });
  const detail = `${liveKeys} keys, revision ${newRevision}`;
  await journal.set('exchange', { state: 'done', endedAt: clock.now(), detail });
}

function stateOf({ steps }: Restoration, id: RestoreStepId): string | undefined {
  return steps.find((step) => step.id === id)?.state;
}

function isReady({ status }: Node): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  );
}
