/** From the loudest; `none` where nothing tells. */
export const levels = ['error', 'warn', 'info', 'debug', 'none'] as const;
export type Level = (typeof levels)[number];

export interface LogLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** As the kubelet wrote it; tells lines of one millisecond apart. */
  readonly stamp: string;
  readonly text: string;
  readonly level: Level;
  /** `pod/container`. */
  readonly source: string;
  /** Said by the window, not by the container. */
  readonly isRule?: boolean;
}

const words: Readonly<Record<string, Level>> = {
  panic: 'error',
  fatal: 'error',
  critical: 'error',
  crit: 'error',
  alert: 'error',
  emerg: 'error',
  error: 'error',
  err: 'error',
  severe: 'error',
  warning: 'warn',
  warn: 'warn',
  notice: 'info',
  info: 'info',
  information: 'info',
  debug: 'debug',
  trace: 'debug',
  verbose: 'debug',
};
const klog: Readonly<Record<string, Level>> = { E: 'error', F: 'error', W: 'warn', I: 'info' };
/** What pino and bunyan number. */
const numbers: readonly (readonly [number, Level])[] = [
  [50, 'error'],
  [40, 'warn'],
  [30, 'info'],
  [10, 'debug'],
];
const inJson = /"(?:level|lvl|severity|levelname|log\.level)"\s*:\s*(?:"(\w+)"|(\d+))/i;
const inPairs = /\b(?:level|lvl|severity)=["']?(\w+)/i;
const inKlog = /^([EFWI])\d{4} \d\d:\d\d/;
const asWord =
  /(?:^|[\s[(|<])(panic|fatal|critical|error|err|severe|warning|warn|notice|info|debug|trace)(?=[\s\]):|>,]|$)/i;
const headLength = 120;

/** `<time> <text>`, as the kubelet writes lines that are asked for with their time. */
export function parseLine(line: string, source: string): LogLine {
  const space = line.indexOf(' ');
  const stamp = space < 0 ? line : line.slice(0, space);
  const time = Date.parse(stamp);
  if (Number.isNaN(time)) return { time: 0, stamp: '', text: line, level: levelOf(line), source };
  const text = space < 0 ? '' : line.slice(space + 1);
  return { time, stamp, text, level: levelOf(text), source };
}

/** Found in JSON, in `level=…`, in klog's first letter, or as a word near the beginning. */
export function levelOf(text: string): Level {
  const head = text.length > 2_000 ? text.slice(0, 2_000) : text;
  const json = head.startsWith('{') ? inJson.exec(head) : null;
  if (json) return json[1] === undefined ? ofNumber(Number(json[2])) : ofWord(json[1]);
  const letter = inKlog.exec(head)?.[1];
  if (letter) return klog[letter] ?? 'none';
  const pair = inPairs.exec(head)?.[1];
  if (pair) return ofWord(pair);
  const word = asWord.exec(head.slice(0, headLength))?.[1];
  return word ? ofWord(word) : 'none';
}

function ofWord(word: string): Level {
  return words[word.toLowerCase()] ?? 'none';
}

function ofNumber(number: number): Level {
  return numbers.find(([least]) => number >= least)?.[1] ?? 'none';
}
