import type { Json, Scenario } from './facts.ts';
import type { Played } from './player.ts';
import { comparable, differences } from './view.ts';

/** How often something is told depends on how fast the machine is. */
const uncounted: ReadonlySet<string> = new Set([
  'BackOff',
  'Unhealthy',
  'FailedMount',
  'DeadlineExceeded',
  'FailedCreatePodSandBox',
]);
/** Attempts that are repeated as often as there is time. */
const repeated: ReadonlySet<string> = new Set([
  'Pulled',
  'Pulling',
  'Failed',
  'InspectFailed',
  'ErrImageNeverPull',
  'FailedToRetrieveImagePullSecret',
]);

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
  if (!skip.includes('events'))
    add(
      'events',
      eventDifferences(seen.events as unknown as Json[][], events as unknown as Json[][]),
    );
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
  return found;
}

/** Without what a moment more or less decides. */
function settled(status: Json): Json {
  const text = JSON.stringify(comparable(status))
    .replace(/\["PodReadyToStartContainers","(True|False)"\]/, '["PodReadyToStartContainers"]')
    .replaceAll(/[0-9a-f]{64}/g, '$ID');
  return JSON.parse(text) as Json;
}

/** Lines of two streams come in any order. */
function logLines(logs: Readonly<Record<string, Json>>): Json {
  const lines = Object.entries(logs).map(([name, text]): [string, Json] => {
    if (typeof text !== 'string') return [name, text];
    const plain = text
      .replaceAll(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, '$DATE')
      .replaceAll(/\$SVC_IP_[\w-]+|10\.96\.\d+\.\d+/g, '$SVC_IP');
    return [name, plain.split('\n').sort()];
  });
  return Object.fromEntries(lines);
}

/** A deletion may be faster than it was. */
function loose(value: Json, own: Json): Json {
  const { sec } = value as { readonly sec?: number };
  const { sec: ownSeconds = 0 } = own as { readonly sec?: number };
  return sec === undefined ? comparable(value) : { inTime: ownSeconds <= sec + 2 };
}

function eventDifferences(expected: readonly Json[][], seen: readonly Json[][]): string[] {
  const line = ([type, reason, component, fieldPath, count]: Json[]): string => {
    const isRestart = Number(count) > 1 && /^(Created|Started|Killing)$/.test(String(reason));
    const isCounted = !uncounted.has(String(reason)) && !repeated.has(String(reason)) && !isRestart;
    return [type, reason, component, fieldPath, isCounted ? count : 'n'].join(' ');
  };
  const left = new Set(expected.map(line));
  const right = new Set(seen.map(line));
  // On a busy machine a mount may be tried before what it needs is known.
  const optional = (one: string): boolean => one.startsWith('Warning FailedMount');
  return [
    ...[...left]
      .filter((one) => !right.has(one) && !optional(one))
      .map((one) => ` missing: ${one}`),
    ...[...right].filter((one) => !left.has(one) && !optional(one)).map((one) => ` more: ${one}`),
  ].sort();
}

function sortedEnvs(value: Json): Json {
  return JSON.parse(
    JSON.stringify(value, (name, one: Json) => {
      if (one === 'h2') return '$NODE';
      if (name === 'options' && Array.isArray(one)) return one.toSorted();
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
