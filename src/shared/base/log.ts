export type LogFields = Readonly<Record<string, unknown>>;

/** A constant sentence plus fields; the sentence can be searched for, the fields carry what varies. */
export interface Log {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  child(fields: LogFields): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly level: LogLevel;
  readonly sentence: string;
  readonly fields: LogFields;
}

/** A log that hands every line at or above `level` to `write`. */
export function createLog(
  write: (line: LogLine) => void,
  { level = 'info', fields = {} }: { level?: LogLevel; fields?: LogFields } = {},
): Log {
  const ranks = { debug: 0, info: 1, warn: 2, error: 3 } as const;
  const at =
    (own: LogLevel) =>
    (sentence: string, more: LogFields = {}): void => {
      if (ranks[own] >= ranks[level])
        write({ level: own, sentence, fields: { ...fields, ...more } });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => createLog(write, { level, fields: { ...fields, ...more } }),
  };
}

/** For tests and tools that want quiet. */
export const silentLog: Log = createLog(() => {}, { level: 'error' });
