import type { Expected, Observed, Played, Scenario } from './player.ts';

/** What differs from what upstream did, in short; nothing when all is equal. */
export function differences(scenario: Scenario, played: Played): readonly string[] {
  const found = scenario.x.flatMap((expected, index) =>
    decisionDifferences(expected, played.decisions[index] ?? {}).map(
      (text) => `${scenario.pending[index]?.n}: ${text}`,
    ),
  );
  const { after } = scenario;
  if (!after) return found;
  if (after.tried !== played.tried) found.push(`tried ${played.tried}, not ${after.tried}`);
  for (const [index, nodes] of after.bound.entries()) {
    const bound = played.bound[index] ?? null;
    const isEqual = nodes === null ? bound === null : bound !== null && nodes.includes(bound);
    if (!isEqual)
      found.push(`${scenario.pending[index]?.n} bound to ${bound}, not ${String(nodes)}`);
  }
  return found;
}

function decisionDifferences(expected: Expected, observed: Observed): readonly string[] {
  const found: string[] = [];
  const same = (what: string, wanted: unknown, got: unknown): void => {
    if (JSON.stringify(wanted) !== JSON.stringify(got))
      found.push(`${what} ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  };
  const sorted = (list: readonly string[] | true | undefined): unknown =>
    typeof list === 'object' ? list.toSorted(byText) : list;
  same('reason', expected.reason, observed.reason);
  same('feasible', sorted(expected.feasible), sorted(observed.feasible));
  same('refused', inOrder(expected.refused), inOrder(observed.refused));
  same('unresolvable', sorted(expected.unres), sorted(observed.unres));
  same('preFilter', expected.pre, observed.pre);
  same(
    'plugins',
    sorted(expected.plugins),
    sorted(observed.plugins?.length ? observed.plugins : undefined),
  );
  same('postFilter', expected.post, observed.post || undefined);
  found.push(...scoreDifferences(expected, observed));
  if (expected.win && !expected.win.includes(observed.chosen ?? ''))
    found.push(`chosen ${observed.chosen}, not ${expected.win.join(' or ')}`);
  const place = expected.nominated?.indexOf(observed.nominated ?? '') ?? -1;
  if (expected.nominated && place < 0)
    found.push(`nominated ${observed.nominated}, not ${expected.nominated.join(' or ')}`);
  if (place >= 0) same('victims', expected.victims?.[place]?.toSorted(), observed.victims);
  return found;
}

function inOrder(refused: Expected['refused']): unknown {
  return (
    refused &&
    Object.entries(refused)
      .map(([node, [first, ...others]]) => [node, first, ...others.sort(byText)])
      .sort((a, b) => byText(String(a), String(b)))
  );
}

function scoreDifferences(expected: Expected, observed: Observed): readonly string[] {
  const found: string[] = [];
  const names = expected.feasible ?? [];
  const places = names.map((name) => observed.feasible?.indexOf(name) ?? -1);
  const pick = (scores: readonly number[] | undefined): readonly number[] =>
    places.map((place) => scores?.[place] ?? Number.NaN);
  const full = (scores: number | readonly number[]): readonly number[] =>
    typeof scores === 'number' ? names.map(() => scores) : scores;
  const plugins = new Set([
    ...Object.keys(expected.scores ?? {}),
    ...Object.keys(observed.scores ?? {}),
  ]);
  for (const plugin of plugins) {
    const wanted = expected.scores?.[plugin];
    const got = observed.scores?.[plugin];
    if (wanted === undefined || !got) {
      found.push(`${plugin} ${got ? 'scored' : 'did not score'}`);
      continue;
    }
    const isPair = typeof wanted === 'object' && 'raw' in wanted;
    const raw = String(full(isPair ? wanted.raw : wanted));
    const norm = String(full(isPair ? wanted.norm : wanted));
    if (String(pick(got.raw)) !== raw)
      found.push(`${plugin} raw ${String(pick(got.raw))}, not ${raw}`);
    if (String(pick(got.norm)) !== norm)
      found.push(`${plugin} ${String(pick(got.norm))}, not ${norm}`);
  }
  if (expected.total && String(pick(observed.total)) !== String(expected.total))
    found.push(`total ${String(pick(observed.total))}, not ${String(expected.total)}`);
  return found;
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
