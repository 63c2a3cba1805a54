import type { SchedulingAttempt } from '#shared/contract/scheduling.ts';
import { keyOf } from '#shared/kube/object.ts';

export interface Placement {
  /** `namespace/name`. */
  readonly pod: string;
  /** '' for none. */
  readonly node: string;
  /** Why there, or why nowhere. */
  readonly why: string;
  readonly attempt: SchedulingAttempt;
}

/** The attempts as lines: what finds no place first. */
export function placementsOf(attempts: readonly SchedulingAttempt[]): readonly Placement[] {
  return attempts
    .map((attempt) => ({
      pod: keyOf(attempt.pod),
      node: attempt.result === 'Scheduled' ? (attempt.node ?? '') : '',
      why: whyOf(attempt),
      attempt,
    }))
    .toSorted((a, b) => Number(a.node !== '') - Number(b.node !== ''));
}

function whyOf({ result, message, feasible, totals, node }: SchedulingAttempt): string {
  if (result !== 'Scheduled') return message ?? 'no reason told';
  if (feasible.length < 2) return 'the only node that fits';
  return `${totals[feasible.indexOf(node ?? '')] ?? '–'} points, best of ${feasible.length}`;
}

/** `5 of 6 pods find a place: node-a 3, node-b 2`. */
export function summaryOf(placements: readonly Placement[]): string {
  if (placements.length === 0) return 'No pod would have to find a place.';
  const placed = placements.filter(({ node }) => node !== '');
  const byNode = [...Map.groupBy(placed, ({ node }) => node)]
    .map(([node, pods]) => `${node} ${pods.length}`)
    .toSorted();
  const noun = placements.length === 1 ? 'pod finds' : 'pods find';
  const where = byNode.length > 0 ? `: ${byNode.join(', ')}` : '';
  return `${placed.length} of ${placements.length} ${noun} a place${where}.`;
}
