import { watch } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';

export interface StaticPodsOptions {
  readonly folder: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Log;
  /** All static pods there are now, by uid. */
  readonly changed: (pods: ReadonlyMap<string, Pod>) => void;
}

const checkMs = 20_000;
const settleMs = 100;

/** Pods from files: read at once when the folder changes, and looked at every 20 seconds. */
export class StaticPods implements AsyncDisposable {
  readonly #options: StaticPodsOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();
  #known = new Map<string, Pod>();

  constructor(options: StaticPodsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { folder, clock, log } = this.#options;
    const { signal } = this.#stop;
    await mkdir(folder, { recursive: true });
    const watcher = watch(folder, { signal }, () => this.#wake.abort());
    watcher.on('error', (error) =>
      log.warn('Cannot watch the folder of static pods', { folder, error }),
    );
    while (!signal.aborted) {
      this.#wake = new AbortController();
      await this.#read();
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await sleep(clock, checkMs, either).catch(() => undefined); // woken or stopped
      // Whoever writes a file is not done with the first byte.
      if (!signal.aborted) await sleep(clock, settleMs, signal).catch(() => undefined);
    }
  }

  async #read(): Promise<void> {
    const { folder, nodeName, clock, log, changed } = this.#options;
    const found = new Map<string, Pod>();
    const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
    for (const name of names) {
      const file = join(folder, name);
      try {
        const text = await readFile(file, 'utf8');
        // What it takes to read them is loaded by those nodes only that have some.
        const { podOf } = await import('./static-pod-file.ts');
        const pod = podOf(file, text, { nodeName, now: clock.now() });
        found.set(pod.metadata.uid, this.#known.get(pod.metadata.uid) ?? pod);
      } catch (error) {
        log.error('Cannot use a manifest of a static pod; mend the file or remove it', {
          file,
          error,
        });
      }
    }
    const isSame =
      found.size === this.#known.size && [...found.keys()].every((uid) => this.#known.has(uid));
    this.#known = found;
    if (!isSame) changed(found);
  }
}
