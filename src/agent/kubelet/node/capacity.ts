import { statfs } from 'node:fs/promises';
import { thresholdValue, type Thresholds } from '../eviction/signals.ts';
import type { NodeFacts } from './facts.ts';

type Amounts = Readonly<Record<string, string>>;

const maxPods = 110;

export interface NodeAmounts {
  readonly capacity: Amounts;
  readonly allocatable: Amounts;
}

/**
 * What the node has, and what of it pods may ask for: not what it keeps to itself by ending pods.
 * `folder` lies on the file system that pods' data goes to.
 */
export async function nodeAmounts(
  facts: NodeFacts,
  folder: string,
  thresholds: Thresholds,
): Promise<NodeAmounts> {
  const { bsize, blocks } = await statfs(folder);
  const storage = bsize * blocks;
  const hugePages = Object.fromEntries(
    facts.hugePageSizes.map((size) => [`hugepages-${binary(size)}`, '0']),
  );
  const common = { cpu: String(facts.cpus), ...hugePages, pods: String(maxPods) };
  const memory = facts.memoryBytes;
  const without = (amount: number, signal: keyof Thresholds): number =>
    Math.max(0, amount - thresholdValue(thresholds[signal] ?? '0', amount));
  return {
    capacity: {
      ...common,
      memory: `${memory / 1024}Ki`,
      'ephemeral-storage': `${Math.floor(storage / 1024)}Ki`,
    },
    allocatable: {
      ...common,
      memory: `${Math.floor(without(memory, 'memory.available') / 1024)}Ki`,
      'ephemeral-storage': String(without(storage, 'nodefs.available')),
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
