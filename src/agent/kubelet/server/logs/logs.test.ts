import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { nanoseconds, parseLogLine } from './line.ts';
import { parseLogOptions, type LogOptions } from './options.ts';
import { readLog } from './reader.ts';
import { logSource, wantedContainer } from './source.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const at = '2026-01-01T00:00:00.123456789Z';

test.each([
  [`${at} stdout F hello\n`, { time: at, stream: 'stdout', isPartial: false, content: 'hello\n' }],
  [`${at} stderr P hel\n`, { time: at, stream: 'stderr', isPartial: true, content: 'hel' }],
  [`${at} stdout F:x \n`, { time: at, stream: 'stdout', isPartial: false, content: '\n' }],
  [
    `${at} stdout F a b  c\n`,
    { time: at, stream: 'stdout', isPartial: false, content: 'a b  c\n' },
  ],
  ['no log line\n', undefined],
  [`${at} other F x\n`, undefined],
])('%j is read', (text, expected) => {
  const line = parseLogLine(Buffer.from(text));
  expect(line && { ...line, content: line.content.toString() }).toEqual(expected);
});

test.each([
  [at, 1_767_225_600_123_456_789n],
  ['2026-01-01T01:00:00+01:00', 1_767_225_600_000_000_000n],
  ['2026-01-01T00:00:00.5Z', 1_767_225_600_500_000_000n],
  ['yesterday', undefined],
])('%s is so many nanoseconds', (time, expected) => {
  expect(nanoseconds(time)).toBe(expected);
});

function logFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, '0.log');
}

const lines = (...texts: readonly string[]): string =>
  texts.map((text) => `${at} stdout F ${text}\n`).join('');

async function readAll(
  path: string,
  query: string,
  {
    isRunning = () => false,
    each = () => {},
  }: { isRunning?: () => boolean; each?: (all: string) => void } = {},
): Promise<string> {
  const options = parseLogOptions(new URLSearchParams(query), { now: Date.parse(at) });
  let all = '';
  const { signal } = new AbortController();
  const source = { path, isRunning };
  for await (const chunk of readLog(source, options as LogOptions, {
    clock: systemClock,
    signal,
  })) {
    all += String(chunk);
    each(all);
  }
  return all;
}

test.each([
  ['', 'a\nb\nc\n'],
  ['tailLines=2', 'b\nc\n'],
  ['tailLines=9', 'a\nb\nc\n'],
  ['tailLines=0', ''],
  ['limitBytes=3', 'a\nb'],
  ['timestamps=true&tailLines=1', `${at} c\n`],
  ['sinceSeconds=1', 'a\nb\nc\n'],
  ['sinceTime=2026-01-01T00:00:01Z', ''],
  ['stream=Stderr', ''],
])('three lines read with %j are %j', async (query, expected) => {
  const path = logFile();
  writeFileSync(path, lines('a', 'b', 'c'));
  expect(await readAll(path, query)).toBe(expected);
});

test('The tail of a long file is found without reading it whole', async () => {
  const path = logFile();
  writeFileSync(path, lines(...Array.from({ length: 20_000 }, (_, index) => `line ${index}`)));
  const tail = await readAll(path, 'tailLines=5000');
  expect(tail.split('\n').slice(0, 1)).toEqual(['line 15000']);
  expect(tail.split('\n')).toHaveLength(5001);
});

test('A line in pieces is one line, with one time', async () => {
  const path = logFile();
  writeFileSync(path, `${at} stdout P one \n${at} stdout F line\n`);
  expect(await readAll(path, 'timestamps=true')).toBe(`${at} one line\n`);
});

test('Following goes on into the next file, and ends when the container has', async () => {
  const path = logFile();
  writeFileSync(path, lines('a'));
  let isRunning = true;
  const all = await readAll(path, 'follow=true', {
    isRunning: () => isRunning,
    each(seen) {
      if (seen === 'a\n') appendFileSync(path, lines('b'));
      if (seen === 'a\nb\n') {
        appendFileSync(path, lines('c'));
        renameSync(path, `${path}.20260101`);
        writeFileSync(path, lines('d'));
      }
      if (seen.endsWith('d\n')) {
        isRunning = false;
        appendFileSync(path, lines('e'));
      }
    },
  });
  expect(all).toBe('a\nb\nc\nd\ne\n');
});

test.each([
  ['tailLines=x', 'undecodable'],
  ['sinceTime=x', 'undecodable'],
  ['tailLines=-1', 'invalid'],
  ['limitBytes=0', 'invalid'],
  ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 'invalid'],
  ['stream=Both', 'invalid'],
  ['stream=Stdout&tailLines=1', 'invalid'],
])('%s is %s', (query, expected) => {
  expect(parseLogOptions(new URLSearchParams(query), { now: 0 })).toBe(expected);
});

const ended = (id: string) => ({ terminated: { containerID: `containerd://${id}` } });

test.each([
  [{ state: { running: {} }, containerID: 'containerd://now' }, 'now'],
  [{ state: { running: {} } }, ''],
  [{ state: ended('x') }, 'x'],
  [{ state: { terminated: {} } }, 'terminated'],
  [{ state: { waiting: { reason: 'PodInitializing' } } }, 'waiting to start: PodInitializing'],
  [{ state: { waiting: { reason: 'ErrImagePull' } } }, "waiting to start: image can't be pulled"],
  [
    { state: { waiting: { reason: 'ImagePullBackOff' } } },
    'waiting to start: trying and failing to pull image',
  ],
  [{ state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended('old') }, 'old'],
  [{}, 'waiting to start - no logs yet'],
])('the log of a container with %j is that of %s', (status, expected) => {
  const wanted = wantedContainer(podWith(status), 'c', { previous: false });
  const refusal = 'container "c" in pod "web" is ';
  expect('id' in wanted ? wanted.id : wanted.refusal.slice(refusal.length)).toBe(expected);
});

test.each([
  [{ lastState: ended('old') }, { id: 'old' }],
  [{}, { refusal: 'previous terminated container "c" in pod "web" not found' }],
])('the previous log of a container with %j is %j', (status, expected) => {
  expect(wantedContainer(podWith(status), 'c', { previous: true })).toEqual(expected);
});

test('A crashed container is found by its id, be it the latest or the one before', () => {
  const places = [
    { id: 'new', logPath: '/1.log', running: false },
    { id: 'old', logPath: '/0.log', running: false },
  ];
  const directory = {
    container: (_uid: string, _name: string, { previous = false } = {}) => places[previous ? 1 : 0],
  } as unknown as PodDirectory;
  const path = (id: string): string | undefined =>
    logSource(directory, { uid: 'u', name: 'c', id })?.path;
  expect([path('new'), path('old'), path(''), path('gone')]).toEqual([
    '/1.log',
    '/0.log',
    '/1.log',
    undefined,
  ]);
});

function podWith(status: object): Pod {
  return {
    metadata: { name: 'web' },
    status: { containerStatuses: [{ name: 'c', lastState: {}, ...status }] },
  } as unknown as Pod;
}
