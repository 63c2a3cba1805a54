import type { LogLine } from './log-line.ts';

/** Older ones go, a good many at a time. */
const mostLines = 500_000;
const droppedAtOnce = 50_000;

/** The lines of many sources in the order of their times; of one source in the order they came. */
export class LogBuffer {
  #lines: LogLine[] = [];
  /** How many have been dropped from the beginning. */
  #dropped = 0;
  /** Grows whenever lines came in between, so that what was derived must be made anew. */
  #epoch = 0;

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get epoch(): number {
    return this.#epoch;
  }

  append(batch: readonly LogLine[]): void {
    const [first] = batch;
    if (!first) return;
    const last = this.#lines.at(-1);
    if (!last || last.time <= first.time) for (const line of batch) this.#lines.push(line);
    else this.#merge(batch, first.time);
    if (this.#lines.length <= mostLines) return;
    this.#lines = this.#lines.slice(droppedAtOnce);
    this.#dropped += droppedAtOnce;
    this.#epoch++;
  }

  clear(): void {
    this.#lines = [];
    this.#dropped = 0;
    this.#epoch++;
  }

  /** Only what is later than the batch's first line moves. */
  #merge(batch: readonly LogLine[], time: number): void {
    const at = firstAfter(this.#lines, time);
    const tail = this.#lines.splice(at);
    let [i, j] = [0, 0];
    while (i < tail.length || j < batch.length) {
      const [old, young] = [tail[i], batch[j]];
      if (young && (!old || young.time < old.time)) {
        this.#lines.push(young);
        j++;
      } else {
        this.#lines.push(old!);
        i++;
      }
    }
    this.#epoch++;
  }
}

function firstAfter(lines: readonly LogLine[], time: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.time <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
