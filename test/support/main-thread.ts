import type { CDPSession, Page } from 'playwright-core';

/** How much work the page's main thread has had for its frames, in milliseconds of processor time. */
export interface MainThreadWork {
  /** Per frame that was drawn, all tasks since the frame before it. */
  readonly frames: readonly number[];
  readonly longestTask: number;
  readonly total: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds, by the wall. */
  readonly ts: number;
  /** Microseconds of processor time. */
  readonly tdur?: number;
}

const categories = [
  'disabled-by-default-devtools.timeline',
  'disabled-by-default-devtools.timeline.frame',
];

/**
 * Traces the page's main thread while `during` runs. Processor time says what the page costs, however
 * busy the machine is with other things.
 */
export async function traceMainThread(
  page: Page,
  during: () => Promise<void>,
): Promise<MainThreadWork> {
  const session = await page.context().newCDPSession(page);
  await session.send('Tracing.start', {
    transferMode: 'ReturnAsStream',
    traceConfig: { includedCategories: categories, recordMode: 'recordUntilFull' },
  });
  await during();
  const complete = new Promise<string>((resolve) =>
    session.once('Tracing.tracingComplete', ({ stream }) => resolve(stream ?? '')),
  );
  await session.send('Tracing.end');
  const text = await readStream(session, await complete);
  await session.detach();
  return workIn((JSON.parse(text) as { traceEvents: readonly TraceEvent[] }).traceEvents);
}

async function readStream(session: CDPSession, handle: string): Promise<string> {
  let text = '';
  for (;;) {
    const { data, eof } = await session.send('IO.read', { handle, size: 1 << 20 });
    text += data;
    if (eof) break;
  }
  await session.send('IO.close', { handle });
  return text;
}

function workIn(events: readonly TraceEvent[]): MainThreadWork {
  const thread = mainThreadOf(events);
  const own = events
    .filter((event) => event.pid === thread?.pid && event.tid === thread.tid)
    .toSorted((a, b) => a.ts - b.ts);
  const tasks = own.filter(({ name, ph }) => name === 'RunTask' && ph === 'X');
  const begins = own.filter(({ name }) => name === 'BeginMainThreadFrame').map(({ ts }) => ts);
  const frames = begins.map(() => 0);
  let at = 0;
  let longestTask = 0;
  let total = 0;
  for (const { ts, tdur = 0 } of tasks) {
    // A task belongs to the frame that begins in it or comes next.
    while (at < begins.length && begins[at]! < ts) at++;
    const milliseconds = tdur / 1000;
    if (at < frames.length) frames[at]! += milliseconds;
    longestTask = Math.max(longestTask, milliseconds);
    total += milliseconds;
  }
  return { frames, longestTask, total };
}

/** The busiest thread that draws frames; there is one page. */
function mainThreadOf(events: readonly TraceEvent[]): TraceEvent | undefined {
  const counts = new Map<string, { event: TraceEvent; count: number }>();
  for (const event of events) {
    if (event.name !== 'BeginMainThreadFrame') continue;
    const id = `${event.pid} ${event.tid}`;
    const known = counts.get(id);
    counts.set(id, { event, count: (known?.count ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count)[0]?.event;
}
