/** Where a command speaks. */
export interface Terminal {
  /** Results: standard output. */
  out(text: string): void;
  /** Progress and complaints: standard error. */
  note(text: string): void;
  /** Aborts when the user wants the command to end. */
  readonly interrupted: AbortSignal;
  readonly pid: number;
}

export const exitCodes = { done: 0, failed: 1, usage: 2, notRunning: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
