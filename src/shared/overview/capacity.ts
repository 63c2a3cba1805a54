import {
  allocatableOf,
  amountText,
  requestsByNode,
  type NodeAmounts,
  type PlacedPod,
} from '#shared/kube/amounts.ts';

export interface Bar {
  readonly resource: string;
  /** 0 to 1, and above where more is asked for than there is; absent where it is not known. */
  readonly share: number | undefined;
  readonly text: string;
}

export interface NodeCapacity {
  readonly name: string;
  readonly bars: readonly Bar[];
}

const shown = ['cpu', 'memory', 'pods'];

/** Per node what pods ask for against what it can give, the fullest first. */
export function capacityOf(
  nodes: Iterable<NodeAmounts>,
  pods: Iterable<PlacedPod>,
): readonly NodeCapacity[] {
  const requests = requestsByNode(pods);
  return Array.from(nodes, (node) => {
    const { name } = node.metadata;
    const allocatable = allocatableOf(node);
    return {
      name,
      bars: shown.map((resource) =>
        barOf(resource, requests.get(name)?.get(resource) ?? 0, allocatable.get(resource)),
      ),
    };
  }).toSorted((a, b) => fullness(b) - fullness(a) || a.name.localeCompare(b.name));
}

/** The same of all nodes and pods together. */
export function wholeOf(nodes: Iterable<NodeAmounts>, pods: Iterable<PlacedPod>): readonly Bar[] {
  const requests = [...requestsByNode(pods).values()];
  const allocatable = Array.from(nodes, allocatableOf);
  return shown.map((resource) => {
    const all = allocatable.flatMap((amounts) => amounts.get(resource) ?? []);
    return barOf(resource, sum(requests.map((amounts) => amounts.get(resource) ?? 0)), sum(all));
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function barOf(resource: string, asked: number, all: number | undefined): Bar {
  const text = amountText(resource, asked);
  if (all === undefined || all === 0) return { resource, share: undefined, text: `${text} of –` };
  return { resource, share: asked / all, text: `${text} of ${amountText(resource, all)}` };
}

function fullness({ bars }: NodeCapacity): number {
  return Math.max(...bars.map(({ share = 0 }) => share));
}
