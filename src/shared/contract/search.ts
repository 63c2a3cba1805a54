import * as v from 'valibot';
import { call } from '#shared/contract/contract.ts';

const name = v.pipe(v.string(), v.maxLength(512));

const searchInput = v.strictObject({
  text: v.pipe(v.string(), v.maxLength(512)),
  /** The kinds that are searched. */
  kinds: v.pipe(
    v.array(v.strictObject({ group: name, version: name, plural: name })),
    v.maxLength(1_000),
  ),
  limit: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(200)),
});
export type SearchInput = v.InferOutput<typeof searchInput>;

export interface FoundObject {
  readonly group: string;
  readonly plural: string;
  /** '' for objects of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
  readonly score: number;
}

export interface FoundObjects {
  /** The best first. */
  readonly found: readonly FoundObject[];
  /** How many names were looked through. */
  readonly searched: number;
  /** Some kinds are still being read: asking again finds more. */
  readonly isPartial: boolean;
}

export const searchOperations = {
  /** Objects by namespace and name, whatever their kind. */
  search: call(searchInput).returns<FoundObjects>(),
};
