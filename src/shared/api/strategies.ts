import { zeroOf } from '#shared/api/codec/decode.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** What most kinds do before they are stored: a writer of the spec cannot touch the status, and back. */

type Member = 'spec' | 'status';
type Having<M extends Member> = KubeObject & { readonly [K in M]?: unknown };
type Open = { -readonly [K in Member]?: unknown };

/** A new object begins without a status; `type` names its struct where Go always writes some of it. */
export function resetStatus(draft: Draft<KubeObject>, type: string): void {
  (draft as Open).status = zeroOf(type);
}

export function keep<M extends Member>(member: M, draft: Draft<Having<M>>, old: Having<M>): void {
  const target = draft as Open;
  const value = (old as Open)[member];
  if (value === undefined) delete target[member];
  else target[member] = value;
}

export function startGeneration({ metadata }: Draft<KubeObject>): void {
  metadata.generation = 1;
}

/** One more where these differ. */
export function countGeneration(
  { metadata }: Draft<KubeObject>,
  old: KubeObject,
  { value, before }: { readonly value: unknown; readonly before: unknown },
): void {
  if (!semanticEqual(value, before)) metadata.generation = (old.metadata.generation ?? 0) + 1;
}

/** The common case: the generation counts changes of the spec. */
export function countSpecGeneration(
  draft: Draft<KubeObject & { readonly spec?: unknown }>,
  old: KubeObject & { readonly spec?: unknown },
): void {
  countGeneration(draft, old, { value: draft.spec, before: old.spec });
}
