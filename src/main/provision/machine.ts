import type { Readable } from 'node:stream';

export interface ScriptOptions {
  /** Becomes the script's standard input. */
  readonly input?: Readable | string;
  readonly signal?: AbortSignal | undefined;
}

export interface ScriptResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A machine where we are root. */
export interface Machine {
  /** For messages. */
  readonly name: string;
  /** Runs a POSIX shell script as root. Secrets go through `input`, never into the script. */
  execute(script: string, options?: ScriptOptions): Promise<ScriptResult>;
}

/** What the script prints; throws with its complaints if it fails. */
export async function runOn(
  machine: Machine,
  script: string,
  options: ScriptOptions = {},
): Promise<string> {
  const { code, out, err } = await machine.execute(`set -e\n${script}`, options);
  if (code === 0) return out;
  const why = (err || out).trim().split('\n').slice(-3).join('; ');
  throw new Error(`A command on ${machine.name} ended with ${code}: ${why || 'it said nothing'}`);
}

/** One word of shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
