import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { isSimulated } from '#shared/kube/simulated-nodes.ts';
import { capacityOf, type Bar } from '#shared/overview/capacity.ts';

export interface NodeState {
  readonly mark: string;
  readonly word: string;
  readonly tone: 'good' | 'attention' | 'bad' | 'unknown';
  /** Why it is so, where that is known. */
  readonly why: string;
}

export interface NodeRow {
  readonly name: string;
  readonly state: NodeState;
  readonly isCordoned: boolean;
  readonly isSimulated: boolean;
  readonly roles: readonly string[];
  readonly version: string;
  readonly address: string;
  readonly created: string;
  readonly bars: readonly Bar[];
}

const roleLabel = 'node-role.kubernetes.io/';

/** What is wrong comes first, then by name. */
export function nodeRowsOf(
  nodes: readonly Node[],
  pods: Iterable<Pod>,
  filter = '',
): readonly NodeRow[] {
  const bars = new Map(capacityOf(nodes, pods).map((each) => [each.name, each.bars]));
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return nodes
    .map((node) => rowOf(node, bars.get(node.metadata.name) ?? []))
    .filter((row) => {
      const text = `${row.name} ${row.state.word} ${row.version} ${row.address}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => rank(b) - rank(a) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function rowOf(node: Node, bars: readonly Bar[]): NodeRow {
  const { metadata, spec, status } = node;
  const labels = Object.keys(metadata.labels ?? {});
  return {
    name: metadata.name,
    state: stateOf(node),
    isCordoned: spec.unschedulable === true,
    isSimulated: isSimulated(node),
    roles: labels
      .filter((label) => label.startsWith(roleLabel))
      .map((label) => label.slice(roleLabel.length)),
    version: status.nodeInfo?.kubeletVersion ?? '',
    address: status.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '',
    created: metadata.creationTimestamp,
    bars,
  };
}

/** Ready or not in a word, and what presses on it. */
export function stateOf({ status }: Node): NodeState {
  const conditions = status.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const why = ready?.message ?? '';
  if (!ready)
    return { mark: '?', word: 'unknown', tone: 'unknown', why: 'It has not reported yet' };
  if (ready.status === 'Unknown') return { mark: '?', word: 'not heard of', tone: 'unknown', why };
  if (ready.status !== 'True') return { mark: '✗', word: 'not ready', tone: 'bad', why };
  const pressing = conditions.filter(({ type, status }) => type !== 'Ready' && status === 'True');
  if (pressing.length === 0) return { mark: '●', word: 'ready', tone: 'good', why };
  const word = `ready, ${pressing.map(({ type }) => type).join(', ')}`;
  return { mark: '!', word, tone: 'attention', why: pressing[0]?.message ?? '' };
}

function rank({ state }: NodeRow): number {
  return { bad: 3, unknown: 2, attention: 1, good: 0 }[state.tone];
}
