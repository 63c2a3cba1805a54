import { sleep } from '#shared/base/clock.ts';
import type { KubeletContext } from '../context.ts';
import { isSame } from '../status/same.ts';
import type { Pressure } from '../eviction/signals.ts';
import type { NodeHealth } from './conditions.ts';
import { readRuntimeInfo, type RuntimeInfo } from './runtime-info.ts';

const checkMs = 10_000;
const checkWhileBrokenMs = 1000;

/** Keeps in mind what the runtime says of itself, and tells when that changes. */
export class RuntimeWatch implements AsyncDisposable {
  readonly #context: KubeletContext;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #listeners: (() => void)[] = [];
  #info: RuntimeInfo;
  #failure: string | undefined;

  /** Waits until the runtime answers. */
  static async start(context: KubeletContext): Promise<RuntimeWatch> {
    return new RuntimeWatch(context, await readRuntimeInfo(context.runtime));
  }

  private constructor(context: KubeletContext, info: RuntimeInfo) {
    this.#context = context;
    this.#info = info;
    this.#running = this.#run();
  }

  get info(): RuntimeInfo {
    return this.#info;
  }

  health(hasLists: boolean, pressures: readonly Pressure[]): NodeHealth {
    const problems = [
      ...(this.#failure === undefined ? this.#info.problems : [this.#failure]),
      ...(hasLists ? [] : ['PLEG is not healthy: pleg was last seen active too long ago']),
    ];
    return { pressures: new Set(pressures), problems };
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const isBroken = this.#failure !== undefined || this.#info.problems.length > 0;
      await sleep(clock, isBroken ? checkWhileBrokenMs : checkMs, signal).catch(() => undefined); // stopped: the loop's condition ends it
      if (signal.aborted) return;
      const before = [this.#info.problems, this.#failure];
      try {
        this.#info = await readRuntimeInfo(this.#context.runtime);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = `container runtime is down: ${(error as Error).message}`;
        log.warn('The container runtime does not answer', { error });
      }
      if (!isSame(before, [this.#info.problems, this.#failure]))
        for (const listener of this.#listeners) listener();
    }
  }
}
