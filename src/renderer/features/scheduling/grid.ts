import type { Refusal, SchedulingAttempt } from '#shared/contract/scheduling.ts';
import { filterOrder, wordsOf } from './plugins.ts';

export interface Column {
  readonly plugin: string;
  readonly short: string;
}

export interface Cell {
  readonly plugin: string;
  readonly text: string;
  readonly state: 'passed' | 'refused' | 'not asked' | 'score';
  /** The whole story, for whoever looks closer. */
  readonly says: string;
}

export interface GridRow {
  readonly node: string;
  readonly isWinner: boolean;
  readonly filters: readonly Cell[];
  readonly scores: readonly Cell[];
  /** Absent where the node was refused. */
  readonly total: number | undefined;
}

export interface Grid {
  readonly filters: readonly Column[];
  readonly scores: readonly Column[];
  readonly rows: readonly GridRow[];
}

/** One attempt as a grid node × plugin: the best first, then who came nearest to fitting. */
export function gridOf(attempt: SchedulingAttempt): Grid {
  const filters = filterColumns(attempt);
  const depth = (plugin: string): number => filters.findIndex((column) => column.plugin === plugin);
  const feasible = attempt.feasible.map((node, index) =>
    feasibleRow(attempt, { node, index, filters }),
  );
  const refused = Object.entries(attempt.refused)
    .toSorted(([a, one], [b, other]) =>
      depth(one.plugin) === depth(other.plugin)
        ? a.localeCompare(b)
        : depth(other.plugin) - depth(one.plugin),
    )
    .map(([node, refusal]) => refusedRow(node, refusal, filters));
  return {
    filters,
    scores: attempt.scores.map(({ plugin }) => ({ plugin, short: wordsOf(plugin).short })),
    rows: [
      ...feasible.toSorted(
        (a, b) =>
          Number(b.isWinner) - Number(a.isWinner) ||
          (b.total ?? 0) - (a.total ?? 0) ||
          a.node.localeCompare(b.node),
      ),
      ...refused,
    ],
  };
}

function filterColumns({ refused }: SchedulingAttempt): readonly Column[] {
  const known: readonly string[] = filterOrder;
  const others = new Set(
    Object.values(refused)
      .map(({ plugin }) => plugin)
      .filter((plugin) => plugin !== '' && !known.includes(plugin)),
  );
  return [...known, ...others].map((plugin) => ({ plugin, short: wordsOf(plugin).short }));
}

function feasibleRow(
  { scores, totals, node: winner }: SchedulingAttempt,
  { node, index, filters }: { node: string; index: number; filters: readonly Column[] },
): GridRow {
  return {
    node,
    isWinner: node === winner,
    filters: filters.map(({ plugin }) => passed(plugin)),
    scores: scores.map(({ plugin, weight, raw, normalized }) => {
      const points = (normalized[index] ?? 0) * weight;
      const says = `${plugin}: ${normalized[index] ?? 0} of 100 (raw ${raw[index] ?? 0}) × weight ${weight} = ${points}`;
      return { plugin, text: String(points), state: 'score', says };
    }),
    total: totals[index],
  };
}

function refusedRow(
  node: string,
  { plugin: refuser, reasons }: Refusal,
  filters: readonly Column[],
): GridRow {
  const at = filters.findIndex(({ plugin }) => plugin === refuser);
  // Before any filter runs, some plugins narrow the nodes down; those outside met no filter at all.
  const isNarrowed = reasons.some((reason) => reason.startsWith("node(s) didn't satisfy plugin"));
  return {
    node,
    isWinner: false,
    filters: filters.map(({ plugin }, index) => {
      if (index === at)
        return { plugin, text: '✗', state: 'refused', says: `${plugin}: ${reasons.join('; ')}` };
      if (index < at && !isNarrowed) return passed(plugin);
      return {
        plugin,
        text: '–',
        state: 'not asked',
        says: `${plugin}: not asked, ${refuser} had refused`,
      };
    }),
    scores: [],
    total: undefined,
  };
}

function passed(plugin: string): Cell {
  return { plugin, text: '✓', state: 'passed', says: `${plugin}: nothing against it` };
}

/** `second best was node-a, 3 points behind`; absent where there was no choice. */
export function runnerUp({ node, feasible, totals }: SchedulingAttempt): string | undefined {
  const won = totals[feasible.indexOf(node ?? '')];
  if (won === undefined || feasible.length < 2) return undefined;
  const [second] = feasible
    .map((name, index) => ({ name, total: totals[index] ?? 0 }))
    .filter(({ name }) => name !== node)
    .toSorted((a, b) => b.total - a.total || a.name.localeCompare(b.name));
  const behind = won - second!.total;
  if (behind === 0) return `${second!.name} had as many points; one of them was drawn`;
  return `second best was ${second!.name}, ${behind} ${behind === 1 ? 'point' : 'points'} behind`;
}
