import * as v from 'valibot';
import { stream } from '#shared/contract/contract.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/**
 * A kind that is kept current for a window: what is there in pieces, then what changes, the latest state
 * of each object at most a few times a second. All that came before `begin` is void once `complete`
 * has come.
 */
export type Followed<T> =
  | { readonly type: 'begin'; readonly columns: readonly TableColumn[] }
  | { readonly type: 'changes'; readonly put: readonly T[]; readonly gone: readonly string[] }
  | { readonly type: 'complete' };

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly priority: number;
  readonly description: string;
}

/** What kubectl prints of one object. */
export interface TableRow {
  /** `namespace/name`, or the name. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly created: string;
  readonly cells: readonly unknown[];
}

const name = v.pipe(v.string(), v.maxLength(512));
const followed = v.strictObject({
  group: name,
  version: name,
  plural: name,
  /** Of all namespaces unless one is named. */
  namespace: v.optional(name),
});
export type FollowedKind = v.InferOutput<typeof followed>;

export const followingOperations = {
  /** Whole objects, but for who owns which field. */
  follow: stream(followed).yields<Followed<KubeObject>>(),
  /** The server's own table. */
  followTable: stream(followed).yields<Followed<TableRow>>(),
};
