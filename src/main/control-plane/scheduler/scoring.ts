import type { EquivalenceClass } from './equivalence.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { skip, type Plugin } from './plugin.ts';
import type { Profile } from './profile.ts';

/** One plugin's scores, by the node's place in the list of nodes. */
export interface PluginScores {
  readonly plugin: string;
  readonly weight: number;
  readonly raw: Int32Array;
  /** The same array as `raw` for plugins whose raw scores are from 0 to 100 already. */
  readonly normalized: Int32Array;
}

export interface Scores {
  /** Plugins that had nothing to say are left out. */
  readonly plugins: readonly PluginScores[];
  /** The sum of normalized scores times weights. */
  readonly totals: Int32Array;
}

interface Target {
  readonly pod: PodInfo;
  readonly nodes: readonly NodeInfo[];
}

interface Known {
  /** Of the filters, by plugin. */
  readonly states: ReadonlyMap<string, unknown>;
  readonly equivalents: EquivalenceClass;
}

const maxScore = 100;

export function scoreNodes(
  profile: Profile,
  target: Target,
  { states, equivalents }: Known,
): Scores {
  const { pod, nodes } = target;
  const totals = new Int32Array(nodes.length);
  const plugins: PluginScores[] = [];
  for (const { plugin, weight } of profile.score) {
    let state: unknown;
    if (plugin.preScore) {
      const filterState = states.get(plugin.name);
      state = plugin.preScore(pod, nodes, filterState === skip ? undefined : filterState);
      if (state === skip) continue;
    }
    const raw = new Int32Array(nodes.length);
    if (plugin.isNodeLocal) recallScores(plugin, state, { target, equivalents, raw });
    else plugin.score?.(state, target, raw);
    let normalized = raw;
    if (plugin.normalizeScore) {
      normalized = raw.slice();
      plugin.normalizeScore(state, normalized);
    }
    for (let index = 0; index < totals.length; index++) {
      const score = normalized[index]!;
      if (score < 0 || score > maxScore) throw invalidScore(plugin.name, score);
      totals[index]! += score * weight;
    }
    plugins.push({ plugin: plugin.name, weight, raw, normalized });
  }
  return { plugins, totals };
}

/** Works out only the scores of nodes that have changed since an equal pod was scored. */
function recallScores(
  plugin: Plugin,
  state: unknown,
  {
    target: { pod, nodes },
    equivalents,
    raw,
  }: {
    readonly target: Target;
    readonly equivalents: EquivalenceClass;
    readonly raw: Int32Array;
  },
): void {
  const known = equivalents.scores(plugin);
  const missing = known.recall(nodes, raw);
  if (missing.length === 0) return;
  const fresh = missing.map((index) => nodes[index]!);
  const scores = new Int32Array(fresh.length);
  plugin.score?.(state, { pod, nodes: fresh }, scores);
  for (let index = 0; index < fresh.length; index++) {
    const score = scores[index]!;
    raw[missing[index]!] = score;
    known.remember(fresh[index]!, score);
  }
}

function invalidScore(plugin: string, score: number): Error {
  return new Error(
    `plugin "${plugin}" returns an invalid score ${score}, it should in the range of [0, ${maxScore}] after normalizing`,
  );
}
