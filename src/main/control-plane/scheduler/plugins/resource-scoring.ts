import type { NodeInfo } from '../node-info.ts';
import { amountIn, isScalarResource } from '../resources.ts';

export interface WeightedResource {
  readonly name: string;
  readonly weight?: number;
}

/** Reads one resource of nodes; `asked` is what the pod wants of it. */
export interface ResourceReader {
  readonly weight: number;
  readonly asked: number;
  /** 0 when the node does not offer the resource or the pod does not care for it. */
  allocatable(node: NodeInfo): number;
  allocated(node: NodeInfo): number;
}

/**
 * How scores see a resource. With `counted: 'stated'` nodes count what their pods ask for, otherwise
 * containers that ask for no CPU or memory count with a default.
 */
export function resourceReader(
  { name, weight = 1 }: WeightedResource,
  asked: number,
  counted: 'stated' | 'assumed',
): ResourceReader {
  const base = { weight, asked };
  if (name === 'cpu') {
    return {
      ...base,
      allocatable: ({ allocatable }) => allocatable.milliCpu,
      allocated:
        counted === 'stated'
          ? ({ requested }) => requested.milliCpu
          : ({ nonZeroMilliCpu }) => nonZeroMilliCpu,
    };
  }
  if (name === 'memory') {
    return {
      ...base,
      allocatable: ({ allocatable }) => allocatable.memory,
      allocated:
        counted === 'stated'
          ? ({ requested }) => requested.memory
          : ({ nonZeroMemory }) => nonZeroMemory,
    };
  }
  const isIgnored = asked === 0 && isScalarResource(name);
  return {
    ...base,
    allocatable: ({ allocatable }) => (isIgnored ? 0 : amountIn(allocatable, name)),
    allocated: ({ requested }) => amountIn(requested, name),
  };
}
