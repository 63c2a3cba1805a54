import type { MessagePortMain } from 'electron';
import type { ToControlPlane } from '#shared/contract/supervision.ts';
import {
  closePort,
  startControlPlane,
  type ControlPlaneOptions,
  type ControlPlaneProcess,
} from './control-plane-process.ts';

export interface SupervisorOptions extends Pick<ControlPlaneOptions, 'entry' | 'args' | 'node'> {
  /** The process ended unasked and will be started again. */
  onEnded(why: string): void;
  /** The process cannot run with what it was told; running it again would not help. */
  onImpossible(why: string): void;
  onRefused(why: string): void;
}

/** Keeps the cluster's process running. */
export interface Supervisor {
  connect(window: number, port: MessagePortMain): void;
  tell(message: ToControlPlane): void;
  /** Ends the cluster cleanly; resolves when the process is gone. */
  stop(): Promise<void>;
}

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** A clean end writes what is in memory; longer than this it has hung, and nothing acknowledged is lost. */
const stopLimitMs = 15_000;

/** Runs the process again whenever it ends: soon after a crash, ever later while it cannot even start. */
export function supervise(options: SupervisorOptions): Supervisor {
  let running: ControlPlaneProcess | undefined;
  let isStopping = false;
  let pauseMs = firstPauseMs;
  let ended = 'The cluster is starting';
  let restart: NodeJS.Timeout | undefined;

  function start(): void {
    let failure: string | undefined;
    const started = startControlPlane({
      ...options,
      onReady: () => void (pauseMs = firstPauseMs),
      onFailed(why, isFinal) {
        failure = why;
        if (isFinal) options.onImpossible(why);
      },
    });
    running = started;
    void startAgainAfter(started.exited, () => failure);
  }

  async function startAgainAfter(
    exited: Promise<string>,
    failure: () => string | undefined,
  ): Promise<void> {
    const reason = await exited;
    running = undefined;
    if (isStopping) return;
    ended = failure() ?? `The cluster’s process ended: ${reason}`;
    options.onEnded(ended);
    restart = setTimeout(start, pauseMs);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }

  start();
  return {
    connect(window, port) {
      if (running) running.connect(window, port);
      else closePort(port, ended);
    },
    tell: (message) => running?.tell(message),
    async stop() {
      isStopping = true;
      clearTimeout(restart);
      if (!running) return;
      const { exited, kill } = running;
      running.tell({ type: 'stop' });
      const limit = setTimeout(kill, stopLimitMs);
      await exited;
      clearTimeout(limit);
    },
  };
}
