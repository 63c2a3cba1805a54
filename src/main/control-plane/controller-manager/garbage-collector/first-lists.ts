import type { Clock } from '#shared/base/clock.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** As long as upstream's collector waits for its monitors before it goes on without them. */
const patienceMs = 30_000;

/**
 * The kinds that have not been listed yet. Collecting waits for them, lest owners seem absent; not
 * for a kind that is no longer served, and not for ever where one cannot be listed.
 */
export class FirstLists implements Disposable {
  readonly #clock: Clock;
  readonly #awaited = new Map<Resource, { readonly over: Promise<void>; end(): void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `listed` resolves after the kind's first list. */
  add(kind: Resource, listed: Promise<void>): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.#clock.after(patienceMs, () => this.remove(kind));
    const end = (): void => {
      limit[Symbol.dispose]();
      resolve();
    };
    this.#awaited.set(kind, { over: promise, end });
    void listed.then(() => this.remove(kind));
  }

  remove(kind: Resource): void {
    this.#awaited.get(kind)?.end();
    this.#awaited.delete(kind);
  }

  /** Resolves once none of those known now is waited for. */
  async over(): Promise<void> {
    if (this.#awaited.size === 0) return;
    await Promise.all([...this.#awaited.values()].map(({ over }) => over));
  }

  [Symbol.dispose](): void {
    for (const kind of this.#awaited.keys()) this.remove(kind);
  }
}
