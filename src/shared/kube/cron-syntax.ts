import { timeZoneProblem } from '#shared/kube/time-zone.ts';

/** What a field of a schedule admits. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** Every value, so that the field restricts nothing. */
  readonly isStar: boolean;
}

export interface CronFields {
  readonly minutes: CronField;
  readonly hours: CronField;
  readonly days: CronField;
  readonly months: CronField;
  readonly weekdays: CronField;
}

/** A schedule as it is written: in what zone, if it names one, and by fields or every so often. */
export interface CronSyntax {
  readonly zone?: string;
  readonly when: CronFields | { readonly everyMs: number };
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const weekdayNames = 'sun mon tue wed thu fri sat'.split(' ');
const bounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: Object.fromEntries(monthNames.map((name, at) => [name, at + 1])) },
  { min: 0, max: 6, names: Object.fromEntries(weekdayNames.map((name, at) => [name, at])) },
];

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/**
 * Reads a schedule as robfig/cron does: five fields or a descriptor, optionally after `TZ=` or
 * `CRON_TZ=`. Throws with upstream's sentence when the text is none.
 */
export function parseCronSyntax(text: string): CronSyntax {
  if (text === '') throw new Error('empty spec string');
  const prefix = /^(?:CRON_)?TZ=/.exec(text);
  if (!prefix) return { when: parseWhen(text) };
  const space = text.indexOf(' ');
  if (space < 0)
    throw new Error('invalid schedule format: runtime error: slice bounds out of range');
  const zone = text.slice(prefix[0].length, space);
  const problem = zone === '' || zone === 'Local' ? undefined : timeZoneProblem(zone);
  if (problem) throw new Error(`provided bad location ${zone}: ${problem}`);
  return { zone, when: parseWhen(text.slice(space).trim()) };
}

/** What is wrong with a schedule; `undefined` when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    parseCronSyntax(schedule);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function parseWhen(spec: string): CronSyntax['when'] {
  const every = '@every ';
  if (spec.startsWith(every)) return { everyMs: parseDuration(spec.slice(every.length)) };
  if (spec.startsWith('@') && !descriptors[spec])
    throw new Error(`unrecognized descriptor: ${spec}`);
  const texts = (descriptors[spec] ?? spec).split(/\s+/).filter(Boolean);
  if (texts.length !== bounds.length)
    throw new Error(`expected exactly 5 fields, found ${texts.length}: [${texts.join(' ')}]`);
  const [minutes, hours, days, months, weekdays] = texts.map((field, at) =>
    parseField(field, bounds[at]!),
  );
  return { minutes: minutes!, hours: hours!, days: days!, months: months!, weekdays: weekdays! };
}

function parseField(text: string, limits: Bounds): CronField {
  const values = new Set<number>();
  let isStar = false;
  for (const part of text.split(',').filter(Boolean)) {
    const range = parseRange(part, limits);
    isStar ||= range.isStar;
    for (let value = range.first; value <= range.last; value += range.step) values.add(value);
  }
  return { values, isStar };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly isStar: boolean;
}

function parseRange(text: string, { min, max, names }: Bounds): Range {
  const [span = '', stepText, ...tooManySlashes] = text.split('/');
  const [low = '', high, ...tooManyHyphens] = span.split('-');
  const isAll = low === '*' || low === '?';
  let [first, last] = [min, max];
  if (!isAll) {
    first = parseValue(low, names);
    if (tooManyHyphens.length > 0) throw new Error(`too many hyphens: ${text}`);
    last = high === undefined ? first : parseValue(high, names);
  }
  let step = 1;
  if (stepText !== undefined) {
    if (tooManySlashes.length > 0) throw new Error(`too many slashes: ${text}`);
    step = parseInteger(stepText);
    // `N/step` means from N to the end.
    if (high === undefined) last = max;
  }
  if (first < min) throw new Error(`beginning of range (${first}) below minimum (${min}): ${text}`);
  if (last > max) throw new Error(`end of range (${last}) above maximum (${max}): ${text}`);
  if (first > last)
    throw new Error(`beginning of range (${first}) beyond end of range (${last}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  return { first, last, step, isStar: isAll && step === 1 };
}

function parseValue(text: string, names: Bounds['names']): number {
  return names?.[text.toLowerCase()] ?? parseInteger(text);
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw new Error(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  if (Number(text) < 0) throw new Error(`negative number (${Number(text)}) not allowed: ${text}`);
  return Number(text);
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const amount = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/;
const duration = new RegExp(`^([-+]?)((?:${amount.source})+|0)$`);

/** Go's durations: `1h30m`, `-5s`, `0`. */
function parseDuration(text: string): number {
  const match = duration.exec(text);
  if (!match)
    throw new Error(
      `failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`,
    );
  const parts = match[2]!.matchAll(new RegExp(amount, 'g'));
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * unitMs[unit!]!, 0);
  return match[1] === '-' ? -ms : ms;
}
