import type { LogBuffer } from './log-buffer.ts';
import { levels, type Level, type LogLine } from './log-line.ts';

export interface LineFilter {
  /** Words, or a regular expression between slashes; '' for everything. */
  readonly text: string;
  readonly levels: ReadonlySet<Level>;
  /** Lines around each match that are kept, dimmed. */
  readonly context: number;
}

export interface ShownLine {
  readonly line: LogLine;
  /** It is here only because a neighbour matches. */
  readonly isContext: boolean;
}

export const everyLevel: ReadonlySet<Level> = new Set(levels);

/** Whether a text matches what somebody wrote; an expression that is none matches as plain text. */
export function matcherOf(wanted: string): (text: string) => boolean {
  const text = wanted.trim();
  if (text === '') return () => true;
  const expression = expressionOf(text);
  if (expression) return (line) => expression.test(line);
  const lower = text.toLowerCase();
  return (line) => line.toLowerCase().includes(lower);
}

export function expressionOf(text: string): RegExp | undefined {
  const parts = /^\/(.+)\/(i?)$/.exec(text);
  if (!parts) return undefined;
  try {
    return new RegExp(parts[1]!, parts[2]);
  } catch {
    return undefined; // half written
  }
}

/** The lines that a filter lets through; what has been looked at is not looked at again. */
export class LineView {
  readonly #buffer: LogBuffer;
  readonly #filter: LineFilter;
  readonly #matches: (text: string) => boolean;
  #shown: ShownLine[] = [];
  #seen = 0;
  #epoch = -1;
  /** Up to where lines have been shown, and how many more come as context. */
  #shownTo = 0;
  #owed = 0;
  readonly #counts = new Map<Level, number>();

  constructor(buffer: LogBuffer, filter: LineFilter) {
    this.#buffer = buffer;
    this.#filter = filter;
    this.#matches = matcherOf(filter.text);
  }

  /** Takes in what has come since; the same array while nothing had to be made anew. */
  update(): readonly ShownLine[] {
    const { lines, epoch } = this.#buffer;
    if (epoch !== this.#epoch) {
      this.#shown = [];
      this.#seen = 0;
      this.#shownTo = 0;
      this.#owed = 0;
      this.#counts.clear();
      this.#epoch = epoch;
    }
    for (; this.#seen < lines.length; this.#seen++) this.#look(lines, this.#seen);
    return this.#shown;
  }

  /** How many lines there are of a level, before the filter. */
  count(level: Level): number {
    return this.#counts.get(level) ?? 0;
  }

  #look(lines: readonly LogLine[], at: number): void {
    const line = lines[at]!;
    const { levels: wanted, text, context } = this.#filter;
    if (!line.isRule) this.#counts.set(line.level, this.count(line.level) + 1);
    const isWanted = line.isRule || (wanted.has(line.level) && this.#matches(line.text));
    if (isWanted) {
      const around = text === '' ? 0 : context;
      for (let before = Math.max(this.#shownTo, at - around); before < at; before++)
        this.#shown.push({ line: lines[before]!, isContext: true });
      this.#shown.push({ line, isContext: false });
      this.#owed = line.isRule ? 0 : around;
    } else if (this.#owed > 0) {
      this.#shown.push({ line, isContext: true });
      this.#owed--;
    } else return;
    this.#shownTo = at + 1;
  }
}

/** Where the searched text is, by index. */
export function searchIn(shown: readonly ShownLine[], wanted: string): readonly number[] {
  if (wanted.trim() === '') return [];
  const matches = matcherOf(wanted);
  return shown.flatMap(({ line }, index) => (matches(line.text) ? index : []));
}

export interface Piece {
  readonly text: string;
  readonly isHit: boolean;
}

/** A line in pieces, those marked that were searched for. */
export function piecesOf(text: string, wanted: string): readonly Piece[] {
  const trimmed = wanted.trim();
  if (trimmed === '') return [{ text, isHit: false }];
  const source = expressionOf(trimmed);
  const escaped = trimmed.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const expression = source
    ? new RegExp(source.source, `g${source.flags}`)
    : new RegExp(escaped, 'gi');
  const pieces: Piece[] = [];
  let at = 0;
  for (const hit of text.matchAll(expression)) {
    if (hit[0] === '') continue;
    if (hit.index > at) pieces.push({ text: text.slice(at, hit.index), isHit: false });
    pieces.push({ text: hit[0], isHit: true });
    at = hit.index + hit[0].length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isHit: false });
  return pieces;
}
