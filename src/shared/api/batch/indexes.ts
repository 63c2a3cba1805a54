/** Sets of completion indexes, written as `0,2-4,7`. */

/** How many indexes the text holds, or what is wrong with it. */
export function indexCount(text: string, completions: number): number | string {
  if (!text) return 0;
  let last = -1;
  let total = 0;
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const [start, end] = interval;
    if (last >= start) return `non-increasing order, previous: ${last}, current: ${start}`;
    total += end - start + 1;
    last = end;
  }
  return total;
}

/** The first index that is in both sets; malformed parts are passed over. */
export function firstOverlap(a: string, b: string, completions: number): number | undefined {
  const left = intervalsOf(a, completions);
  const right = intervalsOf(b, completions);
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const [startA, endA] = left[i]!;
    const [startB, endB] = right[j]!;
    if (startA <= endB && startB <= endA) return Math.max(startA, startB);
    if (startA <= startB) i++;
    else j++;
  }
  return undefined;
}

function intervalsOf(text: string, completions: number): readonly [number, number][] {
  if (!text) return [];
  return text
    .split(',')
    .map((part) => parseInterval(part, completions))
    .filter((interval) => typeof interval !== 'string');
}

function parseInterval(text: string, completions: number): [number, number] | string {
  const limits = text.split('-');
  if (limits.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const numbers: number[] = [];
  for (const limit of limits) {
    const shown = JSON.stringify(limit);
    if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${shown}`;
    if (Number(limit) >= completions) return `too large index: ${shown}`;
    numbers.push(Number(limit));
  }
  const [start = 0, end = start] = numbers;
  if (numbers.length > 1 && start >= end) {
    return `non-increasing order, previous: ${start}, current: ${end}`;
  }
  return [start, end];
}
