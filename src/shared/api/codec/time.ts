/** A moment as protobuf has it: whole seconds since 1970 and what is beyond them. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
  /** Go's zero time, the first moment of the year 1, which JSON shows as null. */
  readonly isZero: boolean;
}

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const rfc3339Micro =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)[.,](\d{6})(?:Z|([+-])(\d\d):(\d\d))$/;

/** Seconds of Go's zero time. */
export const zeroTimeSeconds = -62_135_596_800;

/** RFC 3339 as Go's `time.Parse` takes it; a text says what is wrong with it. */
export function parseTime(text: string): Timestamp | string {
  const match = rfc3339.exec(text);
  return match ? timestampOf(match) : faultIn(text, '2006-01-02T15:04:05Z07:00', elements);
}

/** The same with exactly six digits of a fraction. */
export function parseMicroTime(text: string): Timestamp | string {
  const match = rfc3339Micro.exec(text);
  return match
    ? timestampOf(match)
    : faultIn(text, '2006-01-02T15:04:05.000000Z07:00', microElements);
}

function timestampOf(match: RegExpExecArray): Timestamp | string {
  const [text] = match;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] =
    match;
  const outOfRange = rangeFault(match);
  if (outOfRange) return `parsing time ${JSON.stringify(text)}: ${outOfRange} out of range`;
  const utc = utcSeconds([year, month, day, hour, minute, second].map(Number));
  const offset = sign
    ? (sign === '-' ? -1 : 1) * (Number(offsetHour) * 3600 + Number(offsetMinute) * 60)
    : 0;
  const seconds = utc - offset;
  const nanos = Number(fraction.slice(0, 9).padEnd(9, '0'));
  return { seconds, nanos, isZero: seconds === zeroTimeSeconds && nanos === 0 };
}

export function formatTime({ seconds }: { readonly seconds: number }): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** Six digits, as metav1.MicroTime; what is finer is cut off. */
export function formatMicroTime({
  seconds,
  nanos,
}: {
  readonly seconds: number;
  readonly nanos: number;
}): string {
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}

function utcSeconds(parts: readonly number[]): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getTime() / 1000;
}

function rangeFault(match: RegExpExecArray): string | undefined {
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.map(Number);
  if (month < 1 || month > 12) return 'month';
  if (hour > 23) return 'hour';
  if (minute > 59) return 'minute';
  if (second > 59) return 'second';
  const inMonth = new Date(Date.UTC(2000, month, 0));
  inMonth.setUTCFullYear(year, month, 0);
  return day < 1 || day > inMonth.getUTCDate() ? 'day' : undefined;
}

type Element = readonly [pattern: RegExp, element: string];

const elements: readonly Element[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d?/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d(?:[.,]\d+)?/, '05'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
];
const microElements: readonly Element[] = [
  ...elements.slice(0, -2),
  [/^\d\d/, '05'],
  [/^[.,]\d{6}/, '.000000'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
];

function faultIn(text: string, layout: string, parts: readonly Element[]): string {
  let rest = text;
  for (const [pattern, element] of parts) {
    const match = pattern.exec(rest);
    if (!match)
      return `parsing time ${JSON.stringify(text)} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${element}"`;
    rest = rest.slice(match[0].length);
  }
  return `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`;
}
