import { evaluateIn, type Flow, type PolicyModel } from '#shared/policy/index.ts';
import type { PodGroup } from './groups.ts';

/** 1: allowed, 0: denied; row after row, from each group to each. */
export function matrixOf(
  model: PolicyModel,
  groups: readonly PodGroup[],
  { port, protocol }: Pick<Flow, 'port' | 'protocol'>,
): Uint8Array {
  const cells = new Uint8Array(groups.length * groups.length);
  groups.forEach((from, row) =>
    groups.forEach((to, column) => {
      const [first, other] = to.pods;
      // Within a group it is about two of its pods: one always reaches itself.
      const target = (row === column && other) || first!;
      const flow = { from: { pod: from.pods[0]! }, to: { pod: target }, port, protocol };
      cells[row * groups.length + column] = evaluateIn(model, flow).allowed ? 1 : 0;
    }),
  );
  return cells;
}
