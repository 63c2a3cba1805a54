import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Question } from './inside.ts';

const program = fileURLToPath(new URL('inside.ts', import.meta.url));

/** Runs a program to its end and hands back what it printed. */
export function sh(command: string, input?: string): string {
  return execFileSync('sh', ['-ec', command], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
    ...(input !== undefined && { input }),
  });
}

/** A network namespace of a test's own, with a process inside that asks and answers. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(name: string) {
    this.name = name;
    sh(`ip netns del ${name} 2>/dev/null || true
      ip netns add ${name}
      mkdir -p /etc/netns/${name}
      : > /etc/netns/${name}/resolv.conf
      ip -n ${name} link set lo up
      ip netns exec ${name} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'`);
    this.#child = spawn('ip', ['netns', 'exec', name, process.execPath, program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(`In ${name}: ${error}`));
    });
    this.#child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`The process in ${name} ended with ${String(code)}`));
      }
    });
  }

  /** Runs a command inside. */
  run(command: string, input?: string): string {
    return sh(
      `exec ip netns exec ${this.name} sh -ec '${command.replaceAll("'", `'\\''`)}'`,
      input,
    );
  }

  ask<T>(question: Question): Promise<T> {
    const id = ++this.#last;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, ...question }, (error) => {
      if (error) waiting.reject(new Error(`Cannot ask ${this.name}`, { cause: error }));
    });
    return waiting.promise as Promise<T>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise<void>((resolve) => void this.#child.once('exit', () => resolve()));
    if (this.#child.exitCode === null) {
      this.#child.disconnect();
      await gone;
    }
    sh(`ip netns del ${this.name}; rm -r /etc/netns/${this.name}`);
  }
}
