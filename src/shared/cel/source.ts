/** Something wrong with an expression, at an offset into it. */
export interface Issue {
  readonly at: number;
  readonly message: string;
}

/** All issues as cel-go prints them, in the order of their places. */
export function formatIssues(source: string, issues: readonly Issue[]): string {
  return issues
    .toSorted((left, right) => left.at - right.at)
    .map((issue) => formatIssue(source, issue))
    .join('\n');
}

function formatIssue(source: string, { at, message }: Issue): string {
  const before = source.slice(0, at).split('\n');
  const column = Array.from(before.at(-1)!).length;
  const line = (source.split('\n')[before.length - 1] ?? '').replaceAll('\t', ' ');
  const pointer = `${'.'.repeat(column)}^`;
  return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${line}\n | ${pointer}`;
}
