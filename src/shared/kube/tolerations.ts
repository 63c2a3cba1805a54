/** The parts of a taint and a toleration that decide whether one answers the other. */
export interface TaintParts {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface TolerationParts {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

/** An absent key tolerates every key, an absent effect every effect; `Gt` and `Lt` are not served. */
export function toleratesTaint(toleration: TolerationParts, taint: TaintParts): boolean {
  const { key, operator, value, effect } = toleration;
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (!operator || operator === 'Equal') return (value ?? '') === (taint.value ?? '');
  return operator === 'Exists';
}

export function isTolerated(
  taint: TaintParts,
  tolerations: readonly TolerationParts[] | undefined,
): boolean {
  return tolerations?.some((toleration) => toleratesTaint(toleration, taint)) ?? false;
}

/** The first taint with an effect that keeps pods away (NoSchedule, NoExecute) and no toleration. */
export function findUntoleratedTaint<T extends TaintParts>(
  taints: readonly T[] | undefined,
  tolerations: readonly TolerationParts[] | undefined,
): T | undefined {
  return taints?.find(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !isTolerated(taint, tolerations),
  );
}
