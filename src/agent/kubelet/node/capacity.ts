import { statfs } from 'node:fs/promises';
import type { NodeFacts } from './facts.ts';

type Amounts = Readonly<Record<string, string>>;

/** Upstream's hard eviction thresholds: what the node keeps for itself. */
export const evictionHard = {
  memoryAvailableBytes: 100 * 1024 * 1024,
  /** Parts of the whole, in the precision that upstream counts in. */
  nodeFsAvailable: Math.fround(0.1),
  nodeFsInodesFree: Math.fround(0.05),
  imageFsAvailable: Math.fround(0.15),
} as const;

const maxPods = 110;

export interface NodeAmounts {
  readonly capacity: Amounts;
  readonly allocatable: Amounts;
}

/** `folder` lies on the file system that pods' data goes to. */
export async function nodeAmounts(facts: NodeFacts, folder: string): Promise<NodeAmounts> {
  const { bsize, blocks } = await statfs(folder);
  const storage = bsize * blocks;
  const hugePages = Object.fromEntries(
    facts.hugePageSizes.map((size) => [`hugepages-${binary(size)}`, '0']),
  );
  const common = { cpu: String(facts.cpus), ...hugePages, pods: String(maxPods) };
  const memory = facts.memoryBytes;
  const free = memory - evictionHard.memoryAvailableBytes;
  return {
    capacity: {
      ...common,
      memory: `${memory / 1024}Ki`,
      'ephemeral-storage': `${Math.floor(storage / 1024)}Ki`,
    },
    allocatable: {
      ...common,
      memory: `${Math.floor(free / 1024)}Ki`,
      'ephemeral-storage': String(
        Math.ceil(storage - Math.floor(storage * evictionHard.nodeFsAvailable)),
      ),
    },
  };
}

function binary(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let value = bytes;
  let unit = 0;
  while (value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}
