/** Schedules of CronJobs: five fields, or a name such as `@daily`, as robfig/cron reads them. */

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const weekdays = 'sun mon tue wed thu fri sat'.split(' ');
const bounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: numbered(months, 1) },
  { min: 0, max: 6, names: numbered(weekdays, 0) },
];
const descriptors = [
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
];
const duration =
  /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/;

/** What is wrong with a schedule; `undefined` when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  let spec = schedule;
  const zone = /^(?:CRON_)?TZ=/.exec(spec);
  if (zone) {
    const space = spec.indexOf(' ');
    if (space < 0) return 'invalid schedule format: runtime error: slice bounds out of range';
    const name = spec.slice(zone[0].length, space);
    const problem = name === '' || name === 'Local' ? undefined : timeZoneProblem(name);
    if (problem) return `provided bad location ${name}: ${problem}`;
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@')) return descriptorProblem(spec);
  const fields = spec.split(/\s+/).filter((field) => field);
  if (fields.length !== bounds.length) {
    return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [index, field] of fields.entries()) {
    for (const range of field.split(',').filter((part) => part)) {
      const problem = rangeProblem(range, bounds[index]!);
      if (problem) return problem;
    }
  }
  return undefined;
}

function descriptorProblem(text: string): string | undefined {
  if (descriptors.includes(text)) return undefined;
  if (!text.startsWith('@every ')) return `unrecognized descriptor: ${text}`;
  const given = text.slice('@every '.length);
  if (duration.test(given) || given === '0') return undefined;
  return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(given)}`;
}

function rangeProblem(text: string, { min, max, names }: Bounds): string | undefined {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  let start: number | string = min;
  let end: number | string = max;
  if (low !== '*' && low !== '?') {
    start = numberOf(low, names);
    if (typeof start === 'string') return start;
    if (moreHyphens.length > 0) return `too many hyphens: ${text}`;
    end = high === undefined ? start : numberOf(high, names);
    if (typeof end === 'string') return end;
  }
  let step: number | string = 1;
  if (stepText !== undefined) {
    if (moreSteps.length > 0) return `too many slashes: ${text}`;
    step = numberOf(stepText, undefined);
    if (typeof step === 'string') return step;
    if (high === undefined) end = max;
  }
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${text}`;
  if (end > max) return `end of range (${end}) above maximum (${max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return step === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

/** The number, or what is wrong with it. */
function numberOf(text: string, names: Bounds['names']): number | string {
  const named = names?.[text.toLowerCase()];
  if (named !== undefined) return named;
  if (!/^[+-]?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}

function numbered(names: readonly string[], first: number): Record<string, number> {
  return Object.fromEntries(names.map((name, index) => [name, index + first]));
}

/** What is wrong with the name of a time zone; `undefined` when it is one of IANA's. */
export function timeZoneProblem(name: string): string | undefined {
  const unknown = `unknown time zone ${name}`;
  // Offsets and other spellings, which the platform knows besides, are no names of zones.
  if (name === 'UTC') return undefined;
  if (!/^[A-Z][A-Za-z0-9_+-]*(\/[A-Za-z0-9][A-Za-z0-9_+-]*)*$/.test(name)) return unknown;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    const isOtherCase = timeZone !== name && timeZone.toLowerCase() === name.toLowerCase();
    return isOtherCase ? unknown : undefined;
  } catch {
    return unknown;
  }
}
