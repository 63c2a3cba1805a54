import { rm } from 'node:fs/promises';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';
import {
  restoreStepIds,
  type Restoration,
  type RestoreStep,
  type RestoreStepId,
} from '#shared/contract/snapshots.ts';

/** Where a restoration is, on disk before each step, so that one that broke off can go on. */
export class RestoreJournal {
  readonly #path: string;
  #current: Restoration | undefined;

  constructor(path: string, current: Restoration | undefined) {
    this.#path = path;
    this.#current = current;
  }

  get current(): Restoration | undefined {
    return this.#current;
  }

  begin(snapshot: string): Promise<void> {
    const steps = restoreStepIds.map((id): RestoreStep => ({ id, state: 'waiting' }));
    return this.#write({ snapshot, state: 'running', steps });
  }

  async set(id: RestoreStepId, change: Omit<RestoreStep, 'id'>): Promise<void> {
    const { current } = this;
    if (!current) throw new Error(`No restoration is under way that could come to "${id}"`);
    const steps = current.steps.map((step) => (step.id === id ? { ...step, ...change } : step));
    await this.#write({ ...current, steps });
  }

  async end(state: Restoration['state']): Promise<void> {
    if (this.#current) await this.#write({ ...this.#current, state });
  }

  async forget(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#current = undefined;
  }

  async #write(restoration: Restoration): Promise<void> {
    await writeAtomically(this.#path, JSON.stringify(restoration));
    this.#current = restoration;
  }
}

/** Throws where the file is there and cannot be read: a restoration may be half done. */
export async function openRestoreJournal(path: string): Promise<RestoreJournal> {
  const text = await readIfPresent(path);
  if (text === undefined) return new RestoreJournal(path, undefined);
  try {
    return new RestoreJournal(path, JSON.parse(text) as Restoration);
  } catch (cause) {
    throw new Error(
      `Cannot read ${path}, the journal of a restoration: remove it if none was under way`,
      { cause },
    );
  }
}

/** Whether the store must be exchanged before anybody opens it: its owner had been stopped for that. */
export function isExchangeDue({ state, steps }: Restoration): boolean {
  const isDone = (id: RestoreStepId): boolean =>
    steps.some((step) => step.id === id && step.state === 'done');
  return state === 'running' && isDone('stop') && !isDone('exchange');
}
