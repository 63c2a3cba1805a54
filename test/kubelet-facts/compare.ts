import type { Json, Scenario, SeenEvent } from './facts.ts';
import type { Played } from './player.ts';
import { comparable, differences } from './view.ts';

/** How often these are told depends on how fast the machine is. */
const uncounted: ReadonlySet<string> = new Set([
  'BackOff',
  'DeadlineExceeded',
  'ErrImageNeverPull',
  'Failed',
  'FailedCreatePodSandBox',
  'FailedMount',
  'FailedToRetrieveImagePullSecret',
  'InspectFailed',
  'Pulled',
  'Pulling',
  'Unhealthy',
]);

/** What differs between the facts and what was seen, a line each. */
export function compare(scenario: Scenario, played: Played): string[] {
  const { seen, skip = [], logs: withLogs = true } = scenario;
  if (played.refused !== undefined || seen.refused !== undefined)
    return differences(seen.refused, played.refused, 'refused');
  const { final = null, events = [], logs = {}, got = {}, cri = {} } = played;
  const found: string[] = [];
  const add = (part: string, lines: readonly string[]): void => {
    for (const line of lines) found.push(`${part}${line}`);
  };
  if (seen.final) add('final', differences(settled(seen.final), settled(final)));
  if (!skip.includes('events')) add('events', eventDifferences(seen.events, events));
  if (withLogs && !skip.includes('logs'))
    add('logs', differences(logLines(seen.logs ?? {}), logLines(logs)));
  for (const [name, expected] of Object.entries(seen.got ?? {})) {
    const own = got[name];
    if (own !== undefined && name !== 'stdin')
      add(`got ${name}`, differences(loose(expected, own), loose(own, own)));
  }
  if (seen.cri) {
    const { sandbox, containers } = seen.cri;
    const expected = { ...(sandbox && { sandbox }), ...(containers && { containers }) } as Json;
    add('cri', differences(sortedEnvs(expected), sortedEnvs(cri)));
  }
  const { files, rawLogs } = seen;
  for (const part of ['pods', 'logs', 'links'] as const)
    if (files) add(`files ${part}`, listDifferences(files[part], played.files?.[part] ?? []));
  if (rawLogs) {
    add('log files', listDifferences(rawLogs.files, played.rawLogs?.files ?? []));
    for (const [name, expected] of Object.entries(rawLogs.lines))
      add(`log ${name}`, listDifferences(expected, played.rawLogs?.lines[name] ?? []));
  }
  return found;
}

/** Without what a moment more or less decides. */
function settled(status: Json): Json {
  const text = JSON.stringify(comparable(status))
    .replace(/\["PodReadyToStartContainers","(True|False)"\]/, '["PodReadyToStartContainers"]')
    .replaceAll(/[0-9a-f]{64}/g, '$ID');
  return JSON.parse(text, (name, one: Json) =>
    name === 'message' && typeof one === 'string' ? lines(one) : one,
  ) as Json;
}

/** Those of two streams come in any order. */
function lines(text: string): string[] {
  return text.split('\n').sort();
}

function logLines(logs: Readonly<Record<string, Json>>): Json {
  const byContainer = Object.entries(logs).map(([name, text]): [string, Json] => {
    if (typeof text !== 'string') return [name, text];
    const plain = text
      .replaceAll(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, '$DATE')
      .replaceAll(/\$SVC_IP_[\w-]+|10\.96\.\d+\.\d+/g, '$SVC_IP');
    // Whether a command sees itself in the list of processes is chance.
    return [name, lines(plain).filter((line) => !line.startsWith('grep -E pause'))];
  });
  return Object.fromEntries(byContainer);
}

/** A deletion may be faster than it was. */
function loose(value: Json, own: Json): Json {
  const { sec, status } = value as { readonly sec?: number; readonly status?: number };
  if (status !== undefined) return { status };
  const { sec: ownSeconds = 0 } = own as { readonly sec?: number };
  return sec === undefined ? comparable(value) : { inTime: ownSeconds <= sec + 5 };
}

function eventDifferences(expected: readonly SeenEvent[], seen: readonly SeenEvent[]): string[] {
  const about = ([type, reason, component, fieldPath]: SeenEvent): string =>
    [type, reason, component, fieldPath].join(' ');
  // What was told several times is told as often as there is time.
  const manyTimes = new Set(expected.filter(([, , , , count]) => count > 1).map(about));
  const line = (event: SeenEvent): string => {
    const isCounted = !uncounted.has(event[1]) && !manyTimes.has(about(event));
    return `${about(event)} ${isCounted ? event[4] : 'n'}`;
  };
  const left = new Set(expected.map(line));
  const right = new Set(seen.map(line));
  // On a busy machine a mount may be tried before what it needs is known.
  const isOptional = (one: string): boolean => one.startsWith('Warning FailedMount');
  return [
    ...[...left]
      .filter((one) => !right.has(one) && !isOptional(one))
      .map((one) => ` missing: ${one}`),
    ...[...right].filter((one) => !left.has(one) && !isOptional(one)).map((one) => ` more: ${one}`),
  ].sort();
}

/** Order does not matter, how often something is there does. */
function listDifferences(expected: readonly string[], seen: readonly string[]): string[] {
  const left = [...seen];
  const missing: string[] = [];
  for (const one of expected) {
    const at = left.indexOf(one);
    if (at < 0) missing.push(` missing: ${one}`);
    else left.splice(at, 1);
  }
  return [...missing, ...left.map((one) => ` more: ${one}`)].sort();
}

function sortedEnvs(value: Json): Json {
  return JSON.parse(
    JSON.stringify(value, (name, one: Json) => {
      if (one === 'h2') return '$NODE';
      if (name === 'options' && Array.isArray(one))
        return one.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
      if (name !== 'envs' || !Array.isArray(one)) return sorted(one);
      const pairs = one.filter((each) => Array.isArray(each)) as unknown as [string, string][];
      return [
        ...pairs.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)),
        '$SERVICE_VARIABLES (order varies)',
      ];
    }),
  ) as Json;
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const object = value as { readonly [name: string]: Json };
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, object[key]!]),
  );
}
