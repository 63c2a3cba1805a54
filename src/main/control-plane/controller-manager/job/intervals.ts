/** Completion indexes as ordered, disjoint, non-adjacent ranges, both ends included. */
export type Intervals = readonly (readonly [first: number, last: number])[];

/** `1,3-5`: what is malformed is left out, what is beyond `completions` too. */
export function parseIntervals(text: string, completions: number): Intervals {
  const found: [number, number][] = [];
  for (const part of text === '' ? [] : text.split(',')) {
    const [first, last = first] = part
      .split('-')
      .map((limit) => (limit === '' ? NaN : Number(limit)));
    if (!Number.isInteger(first)) continue;
    if (first! >= completions) break;
    if (!Number.isInteger(last)) continue;
    append(found, [first!, Math.min(last!, completions - 1)]);
  }
  return found;
}

export function formatIntervals(intervals: Intervals): string {
  return intervals
    .map(([first, last]) =>
      last === first ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`,
    )
    .join(',');
}

export function mergeIntervals(a: Intervals, b: Intervals): Intervals {
  const merged: [number, number][] = [];
  for (const interval of [...a, ...b].sort(([x], [y]) => x - y)) append(merged, interval);
  return merged;
}

export function withIndexes(intervals: Intervals, indexes: Iterable<number>): Intervals {
  return mergeIntervals(
    intervals,
    [...indexes].map((index) => [index, index] as const),
  );
}

export function countIndexes(intervals: Intervals): number {
  return intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

export function hasIndex(intervals: Intervals, index: number): boolean {
  return intervals.some(([first, last]) => first <= index && index <= last);
}

/** How many indexes are in both. */
export function countCommon(a: Intervals, b: Intervals): number {
  let common = 0;
  for (const [first, last] of a)
    for (const [otherFirst, otherLast] of b)
      common += Math.max(0, Math.min(last, otherLast) - Math.max(first, otherFirst) + 1);
  return common;
}

/** The lowest indexes below `completions` that are not among these. */
export function firstFree(taken: Intervals, count: number, completions: number): number[] {
  const free: number[] = [];
  let candidate = 0;
  for (const [first, last] of taken) {
    while (candidate < Math.min(first, completions) && free.length < count) free.push(candidate++);
    candidate = Math.max(candidate, last + 1);
  }
  while (candidate < completions && free.length < count) free.push(candidate++);
  return free;
}

function append(list: [number, number][], [first, last]: readonly [number, number]): void {
  const previous = list.at(-1);
  if (!previous || first > previous[1] + 1) list.push([first, last]);
  else previous[1] = Math.max(previous[1], last);
}
