import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import { skip } from './plugin.ts';
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

const maxScore = 100;

export function scoreNodes(
  profile: Profile,
  target: Target,
  filterStates: ReadonlyMap<string, unknown>,
): Scores {
  const { pod, nodes } = target;
  const totals = new Int32Array(nodes.length);
  const plugins: PluginScores[] = [];
  for (const { plugin, weight } of profile.score) {
    let state: unknown;
    if (plugin.preScore) {
      const filterState = filterStates.get(plugin.name);
      state = plugin.preScore(pod, nodes, filterState === skip ? undefined : filterState);
      if (state === skip) continue;
    }
    const raw = new Int32Array(nodes.length);
    plugin.score?.(state, target, raw);
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

function invalidScore(plugin: string, score: number): Error {
  return new Error(
    `plugin "${plugin}" returns an invalid score ${score}, it should in the range of [0, ${maxScore}] after normalizing`,
  );
}
