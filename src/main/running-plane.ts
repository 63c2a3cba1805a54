import type { ControlPlane } from '#main/control-plane/index.ts';
import type { Simulation } from '#main/simulation/index.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** A control plane with all that lives and ends with it. */
export interface StartedPlane extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly simulation: Simulation;
}

/**
 * The control plane that is running now. It can be ended and started again, on another store, while
 * windows and commands stay connected; whoever asks meanwhile is told so.
 */
export class RunningPlane implements AsyncDisposable {
  readonly #start: () => Promise<StartedPlane>;
  #started: StartedPlane | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(start: () => Promise<StartedPlane>, started: StartedPlane) {
    this.#start = start;
    this.#started = started;
  }

  /** `start` is called again for each restart. */
  static async open(start: () => Promise<StartedPlane>): Promise<RunningPlane> {
    return new RunningPlane(start, await start());
  }

  /** Throws `ServiceUnavailable` while it is being restarted. */
  get current(): ControlPlane {
    return this.#running.controlPlane;
  }

  /** Its simulated nodes. Throws `ServiceUnavailable` while it is being restarted. */
  get simulation(): Simulation {
    return this.#running.simulation;
  }

  get #running(): StartedPlane {
    if (this.#started) return this.#started;
    throw new ApiError(
      'ServiceUnavailable',
      'The control plane is being started again on a restored state; wait a moment',
    );
  }

  /**
   * Ends the control plane, does what is asked while nobody has the store open, and starts it again
   * whether or not that went well.
   */
  restartAround(task: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => this.#restart(task));
    this.#turn = turn.catch(() => {}); // whoever asked for it hears of it
    return turn;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#end();
  }

  async #restart(task: () => Promise<void>): Promise<void> {
    await this.#end();
    try {
      await task();
    } finally {
      this.#started = await this.#start();
    }
  }

  async #end(): Promise<void> {
    const ending = this.#started;
    this.#started = undefined;
    await ending?.[Symbol.asyncDispose]();
  }
}
