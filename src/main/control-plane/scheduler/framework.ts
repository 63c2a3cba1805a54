import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import {
  isRejection,
  refusal,
  skip,
  type ActiveFilter,
  type Nominations,
  type Rejection,
  type Verdict,
} from './plugin.ts';
import type { Profile } from './profile.ts';

/** What the preFilter plugins of a profile said about a pod. */
export interface PreFilterRun {
  readonly filters: readonly ActiveFilter[];
  /** State by plugin, `skip` where the plugin has nothing to do. */
  readonly states: ReadonlyMap<string, unknown>;
  /** Only these nodes come into question. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** Plugins that narrowed the nodes down. */
  readonly narrowedBy: readonly string[];
  /** The pod fits nowhere. */
  readonly rejection: Rejection | undefined;
}

export function runPreFilters(profile: Profile, pod: PodInfo): PreFilterRun {
  const states = new Map<string, unknown>();
  const narrowedBy: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  let rejection: Rejection | undefined;
  for (const plugin of profile.preFilter) {
    const result = plugin.preFilter?.(pod) ?? skip;
    if (result === skip) {
      states.set(plugin.name, skip);
      continue;
    }
    if (isRejection(result)) {
      states.set(plugin.name, skip);
      rejection = result;
      if (result.code === 'UnschedulableAndUnresolvable') break;
      continue;
    }
    states.set(plugin.name, result.state);
    if (!result.nodeNames) continue;
    narrowedBy.push(plugin.name);
    nodeNames = nodeNames ? intersection(nodeNames, result.nodeNames) : result.nodeNames;
    if (nodeNames.size === 0) {
      rejection = nowhere(narrowedBy);
      break;
    }
  }
  return { filters: activeFilters(profile, pod, states), states, nodeNames, narrowedBy, rejection };
}

/**
 * Whether the pod fits the node, also with the pods that preemption has made room for there: it has
 * to fit both with and without those of its own priority or higher.
 */
export function filterWithNominated(
  filters: readonly ActiveFilter[],
  { pod, node }: { readonly pod: PodInfo; readonly node: NodeInfo },
  nominations: Nominations,
): Verdict {
  if (nominations.size > 0) {
    const nominated = nominations
      .on(node.name)
      .filter(({ priority, uid }) => priority >= pod.priority && uid !== pod.uid);
    if (nominated.length > 0) {
      const crowded = node.clone();
      const changed = cloneFilters(filters);
      for (const other of nominated) addToNode(changed, other, crowded);
      const verdict = runFilters(changed, pod, crowded);
      if (verdict) return verdict;
    }
  }
  return runFilters(filters, pod, node);
}

export function runFilters(
  filters: readonly ActiveFilter[],
  pod: PodInfo,
  node: NodeInfo,
): Verdict {
  for (let index = 0; index < filters.length; index++) {
    const { plugin, state } = filters[index]!;
    const verdict = plugin.filter?.(state, pod, node);
    if (verdict) return verdict;
  }
  return undefined;
}

/** The same filters with states that may be changed by trying pods on and off. */
export function cloneFilters(filters: readonly ActiveFilter[]): readonly ActiveFilter[] {
  if (filters.every(({ plugin }) => !plugin.cloneState)) return filters;
  return filters.map((filter) => {
    const { plugin, state } = filter;
    return plugin.cloneState ? { plugin, state: plugin.cloneState(state) } : filter;
  });
}

export function addToNode(filters: readonly ActiveFilter[], pod: PodInfo, node: NodeInfo): void {
  node.addPod(pod);
  for (const { plugin, state } of filters) plugin.addPod?.(state, pod, node);
}

export function removeFromNode(
  filters: readonly ActiveFilter[],
  pod: PodInfo,
  node: NodeInfo,
): void {
  node.removePod(pod.uid);
  for (const { plugin, state } of filters) plugin.removePod?.(state, pod, node);
}

function activeFilters(
  { filter }: Profile,
  pod: PodInfo,
  states: ReadonlyMap<string, unknown>,
): readonly ActiveFilter[] {
  const active: ActiveFilter[] = [];
  for (const plugin of filter) {
    const state = states.get(plugin.name);
    if (state === skip || plugin.mayRefuse?.(pod) === false) continue;
    active.push({ plugin, state });
  }
  return active;
}

function nowhere(plugins: readonly string[]): Rejection {
  const [first = ''] = plugins;
  const text =
    plugins.length === 1
      ? `node(s) didn't satisfy plugin ${first}`
      : `node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(' ')}] simultaneously`;
  return refusal(first, 'UnschedulableAndUnresolvable', text);
}

function intersection(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((item) => b.has(item)));
}
