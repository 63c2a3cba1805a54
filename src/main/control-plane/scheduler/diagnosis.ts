import type { Refusals, Rejection } from './plugin.ts';

/** What a refused attempt says in the pod's condition, as upstream's FitError. */
export function fitErrorText(
  allNodes: number,
  {
    refusals,
    everywhere,
    afterwards,
  }: {
    readonly refusals: Refusals;
    /** The preFilter refusal that holds for all nodes. */
    readonly everywhere?: Rejection | undefined;
    /** What postFilter plugins had to say. */
    readonly afterwards?: string;
  },
): string {
  const parts = [`0/${allNodes} nodes are available:`];
  if (everywhere) parts.push(`${everywhere.reasons.join(', ')}.`);
  else {
    const reasons = reasonCounts(allNodes, refusals);
    if (reasons.length > 0) parts.push(`${reasons.join(', ')}.`);
  }
  if (afterwards) parts.push(afterwards);
  return parts.join(' ');
}

/** `<nodes> <reason>`, sorted as text. */
function reasonCounts(allNodes: number, { verdicts, rest }: Refusals): readonly string[] {
  const byRejection = new Map<Rejection, number>();
  let run = 0;
  for (let index = 0; index < verdicts.length; index++) {
    const verdict = verdicts[index]!;
    run++;
    if (verdict === verdicts[index + 1]) continue;
    byRejection.set(verdict, (byRejection.get(verdict) ?? 0) + run);
    run = 0;
  }
  const others = allNodes - verdicts.length;
  if (rest && others > 0) byRejection.set(rest, (byRejection.get(rest) ?? 0) + others);
  const byReason = new Map<string, number>();
  for (const [{ reasons }, count] of byRejection)
    for (const reason of reasons) byReason.set(reason, (byReason.get(reason) ?? 0) + count);
  return [...byReason].map(([reason, count]) => `${count} ${reason}`).sort();
}
