import { expect, test } from 'vitest';
import { everyLevel, LineView, piecesOf, searchIn, type LineFilter } from './line-view.ts';
import { LogBuffer } from './log-buffer.ts';
import { levelOf, parseLine, type LogLine } from './log-line.ts';

const line = (second: number, text: string, source = 'a/main'): LogLine =>
  parseLine(`2026-01-01T00:00:${String(second).padStart(2, '0')}.000000001Z ${text}`, source);
const everything: LineFilter = { text: '', levels: everyLevel, context: 1 };
const texts = (buffer: LogBuffer, filter: Partial<LineFilter> = {}): readonly string[] =>
  new LineView(buffer, { ...everything, ...filter })
    .update()
    .map(({ line: { text }, isContext }) => (isContext ? `(${text})` : text));

test.each([
  ['{"level":"error","msg":"x"}', 'error'],
  ['{"msg":"an error","severity":"INFO"}', 'info'],
  ['{"level":40,"msg":"pino"}', 'warn'],
  ['time=x level=warning msg="y"', 'warn'],
  ['E0102 15:04:05.000000 1 server.go:1] no', 'error'],
  ['I0102 15:04:05.000000 1 server.go:1] an error was found', 'info'],
  ['2026-01-01 [WARN] disk', 'warn'],
  ['ERROR: cannot connect', 'error'],
  ['panic: runtime error', 'error'],
  ['GET /errors 200', 'none'],
  ['{"message":"no level"}', 'none'],
  ['', 'none'],
])('%s is %s', (text, level) => {
  expect(levelOf(text)).toBe(level);
});

test('a line without a time is kept as it is', () => {
  expect(parseLine('no time here', 'a/main')).toMatchObject({ time: 0, text: 'no time here' });
});

test('lines of many sources stand in the order of time, each source’s in the order they came', () => {
  const buffer = new LogBuffer();
  buffer.append([line(1, 'a1'), line(3, 'a3'), line(3, 'a3 again'), line(5, 'a5')]);
  buffer.append([line(2, 'b2', 'b/main'), line(3, 'b3', 'b/main'), line(9, 'b9', 'b/main')]);
  expect(texts(buffer)).toEqual(['a1', 'b2', 'a3', 'a3 again', 'b3', 'a5', 'b9']);
});

test('a filter keeps the lines around, dimmed and each once', () => {
  const buffer = new LogBuffer();
  buffer.append(['one', 'two', 'hit', 'three', 'hit', 'four', 'five'].map((t, at) => line(at, t)));
  expect(texts(buffer, { text: 'HIT' })).toEqual(['(two)', 'hit', '(three)', 'hit', '(four)']);
  expect(texts(buffer, { text: '/^t/' })).toEqual(['(one)', 'two', '(hit)', 'three', '(hit)']);
  expect(texts(buffer, { text: '/(/' })).toEqual([]);
});

test('a view goes on where it stopped, whatever comes, and counts levels', () => {
  const buffer = new LogBuffer();
  const view = new LineView(buffer, { ...everything, levels: new Set(['error']) });
  buffer.append([line(1, 'ERROR a'), line(2, 'INFO b')]);
  const first = view.update();
  expect(first.map(({ line: { text } }) => text)).toEqual(['ERROR a']);
  buffer.append([line(3, 'ERROR c')]);
  expect(view.update()).toBe(first);
  expect(first).toHaveLength(2);
  expect([view.count('error'), view.count('info')]).toEqual([2, 1]);
  buffer.append([line(0, 'ERROR earlier', 'b/main')]);
  expect(view.update().map(({ line: { text } }) => text)).toEqual([
    'ERROR earlier',
    'ERROR a',
    'ERROR c',
  ]);
});

test('a search tells where, and marks what', () => {
  const buffer = new LogBuffer();
  buffer.append([line(1, 'a.b'), line(2, 'axb'), line(3, 'A.B a.b')]);
  const shown = new LineView(buffer, everything).update();
  expect(searchIn(shown, 'a.b')).toEqual([0, 2]);
  expect(searchIn(shown, '/a.b/')).toEqual([0, 1, 2]);
  expect(piecesOf('x A.B a.b', 'a.b')).toEqual([
    { text: 'x ', isHit: false },
    { text: 'A.B', isHit: true },
    { text: ' ', isHit: false },
    { text: 'a.b', isHit: true },
  ]);
});

test('half a million lines are taken in, filtered and bounded', () => {
  const buffer = new LogBuffer();
  const view = new LineView(buffer, { ...everything, text: 'number 77' });
  const start = performance.now();
  for (let batch = 0; batch < 520; batch++) {
    buffer.append(
      Array.from({ length: 1000 }, (_, at) => ({
        time: batch,
        stamp: '',
        text: `a line of the log with the number ${batch * 1000 + at}`,
        level: 'info',
        source: 'a/main',
      })),
    );
    view.update();
  }
  expect(buffer.lines.length).toBeLessThanOrEqual(500_000);
  expect(buffer.dropped + buffer.lines.length).toBe(520_000);
  expect(view.update().length).toBeGreaterThan(1000);
  // A frame has 16 ms; a thousand lines must take far less, however busy the machine is.
  expect((performance.now() - start) / 520).toBeLessThan(16);
});
