/** One line of a container's log file, in the CRI's format. */
export interface LogLine {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The container's line goes on in the next one. */
  readonly isPartial: boolean;
  /** With the line break, unless it goes on. */
  readonly content: Buffer;
}

const space = 0x20;
const lineBreak = 0x0a;

/** Reads `<time> <stream> <tags> <content>`; absent when that is not what it is. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const afterTime = line.indexOf(space);
  const afterStream = line.indexOf(space, afterTime + 1);
  const afterTags = line.indexOf(space, afterStream + 1);
  if (afterTime < 0 || afterStream < 0 || afterTags < 0) return undefined;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tags = line.toString('latin1', afterStream + 1, afterTags).split(':');
  const isPartial = tags[0] === 'P';
  const end = isPartial && line.at(-1) === lineBreak ? line.length - 1 : line.length;
  return {
    time: line.toString('latin1', 0, afterTime),
    stream,
    isPartial,
    content: line.subarray(afterTags + 1, end),
  };
}

/** Nanoseconds since 1970 of a time with any number of digits; `NaN` for what is none. */
export function nanoseconds(time: string): bigint | undefined {
  const match = /^(.+:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/i.exec(time);
  const seconds = match && Date.parse(`${match[1]}${match[3]}`);
  if (!match || seconds === null || Number.isNaN(seconds)) return undefined;
  return BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
