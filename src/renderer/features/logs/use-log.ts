import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import {
  computed,
  onScopeDispose,
  shallowRef,
  watch,
  type ComputedRef,
  type ShallowRef,
} from 'vue';
import type { App } from '../../app/connection.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { LogBuffer } from './log-buffer.ts';
import { parseLine, type LogLine } from './log-line.ts';

/** One container whose log is read. */
export interface LogSource {
  /** `pod/container`. */
  readonly id: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

export interface LogFollower {
  readonly buffer: LogBuffer;
  /** Grows with every change of the buffer, at most once per frame. */
  readonly version: ShallowRef<number>;
  /** What keeps a source from being read, by its id. */
  readonly problems: ShallowRef<ReadonlyMap<string, string>>;
  readonly reading: ComputedRef<number>;
}

export interface LogOptions {
  /** How many old lines of each source come first. */
  readonly tailLines: number;
  readonly showsPrevious: boolean;
}

const againMs = 2_000;

/** Reads the logs of all sources into one buffer, and goes on when a container starts again. */
export function useLog(
  sources: () => readonly LogSource[],
  options: () => LogOptions,
): LogFollower {
  const session = useSession();
  const buffer = new LogBuffer();
  const version = shallowRef(0);
  const problems = shallowRef<ReadonlyMap<string, string>>(new Map());
  const readers = shallowRef<ReadonlyMap<string, AbortController>>(new Map());
  const flush = frameBatcher((batch: readonly LogLine[]) => {
    buffer.append(batch);
    version.value++;
  });

  function tell(id: string, problem: string | undefined): void {
    const next = new Map(problems.value);
    if (problem === undefined) next.delete(id);
    else next.set(id, problem);
    problems.value = next;
  }

  function begin(app: App, source: LogSource): AbortController {
    const stop = new AbortController();
    const { signal } = stop;
    void readSource(app, source, { ...options(), signal, take: flush, tell });
    return stop;
  }

  function stopAll(): void {
    for (const reader of readers.value.values()) reader.abort();
    readers.value = new Map();
  }

  watch(
    [() => session.app, options] as const,
    () => {
      stopAll();
      buffer.clear();
      problems.value = new Map();
      version.value++;
    },
    { immediate: true },
  );
  watch(
    [() => session.app, () => sources(), options] as const,
    ([app, wanted]) => {
      if (!app) return;
      const ids = new Set(wanted.map(({ id }) => id));
      const next = new Map(readers.value);
      for (const [id, reader] of next)
        if (!ids.has(id)) {
          reader.abort();
          next.delete(id);
        }
      for (const source of wanted)
        if (!next.has(source.id)) next.set(source.id, begin(app, source));
      readers.value = next;
    },
    { immediate: true },
  );
  onScopeDispose(stopAll);
  return { buffer, version, problems, reading: computed(() => readers.value.size) };
}

interface Reading extends LogOptions {
  readonly signal: AbortSignal;
  take(lines: readonly LogLine[]): void;
  tell(id: string, problem: string | undefined): void;
}

async function readSource(app: App, source: LogSource, reading: Reading): Promise<void> {
  const { signal, take, tell, tailLines, showsPrevious } = reading;
  const { id } = source;
  let last = '';
  if (showsPrevious) await readPrevious(app, source, reading);
  for (let isResumed = false; !signal.aborted; isResumed = true) {
    // `sinceTime` counts in seconds: what is known already comes again, once.
    let known = isResumed ? last : '';
    try {
      const since = last === '' ? { tailLines } : { sinceTime: last };
      const target = { namespace: source.namespace, pod: source.pod, container: source.container };
      const pieces = app.containerLog({ ...target, follow: true, ...since }, { signal });
      for await (const lines of linesOf(pieces, id)) {
        const fresh = known === '' ? lines : lines.filter(({ stamp }) => stamp > known);
        if (fresh.length === 0) continue;
        if (known !== '') take([rule(fresh[0]!, 'goes on')]);
        known = '';
        take(fresh);
        last = fresh.at(-1)!.stamp;
        tell(id, undefined);
      }
      tell(id, undefined);
    } catch (error) {
      if (signal.aborted) return;
      tell(id, messageOf(error));
    }
    await sleep(systemClock, againMs, signal).catch(() => {}); // aborted: the loop ends
  }
}

/** The end of the container before this one, above a rule. */
async function readPrevious(
  app: App,
  { id, namespace, pod, container }: LogSource,
  { signal, take, tailLines }: Reading,
): Promise<void> {
  try {
    const request = { namespace, pod, container, follow: false, previous: true, tailLines };
    let last: LogLine | undefined;
    for await (const lines of linesOf(app.containerLog(request, { signal }), id)) {
      take(lines);
      last = lines.at(-1);
    }
    if (last) take([rule(last, 'ended here; what follows is the container of now')]);
  } catch {
    // Most containers have no predecessor, and the server says so as an error.
  }
}

function rule({ time, stamp, source }: LogLine, what: string): LogLine {
  return { time, stamp, source, text: `${source} ${what}`, level: 'none', isRule: true };
}

/** Whole lines; the rest of a piece waits for the next. */
async function* linesOf(
  pieces: AsyncIterable<string>,
  source: string,
): AsyncGenerator<readonly LogLine[], void> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map((line) => parseLine(line, source));
  }
  if (rest) yield [parseLine(rest, source)];
}

/** However many batches come, they are handed on once per frame, each source's in order. */
function frameBatcher(
  hand: (batch: readonly LogLine[]) => void,
): (batch: readonly LogLine[]) => void {
  let waiting: LogLine[] = [];
  return (batch) => {
    if (waiting.length === 0) requestAnimationFrame(deliver);
    waiting = waiting.concat(batch);
  };
  function deliver(): void {
    const batch = waiting;
    waiting = [];
    // Each source's lines are in order; among sources it is the time that counts.
    hand(batch.toSorted((a, b) => a.time - b.time));
  }
}

/** The containers of pods, each a source; one container only where it is named. */
export function sourcesOf(pods: readonly Pod[], container: string): readonly LogSource[] {
  return pods
    .toSorted((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1))
    .flatMap(({ metadata, spec }) =>
      [...(spec.initContainers ?? []), ...spec.containers]
        .map(({ name }) => name)
        .filter((name) => container === '' || name === container)
        .map((name) => ({
          id: `${metadata.name}/${name}`,
          namespace: metadata.namespace ?? '',
          pod: metadata.name,
          container: name,
        })),
    );
}
