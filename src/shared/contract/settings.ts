import * as v from 'valibot';
import { call } from '#shared/contract/contract.ts';

const key = v.pipe(v.string(), v.minLength(1), v.maxLength(40));

/** Which key somebody wants in the place of a usual one: `{ 'd': 'Delete', 'g w': 'g l' }`. */
export const ownKeys = v.record(key, key);
export type OwnKeys = Readonly<v.InferOutput<typeof ownKeys>>;

/** What people set for all their clusters. */
export const settingsOperations = {
  ownKeys: call(v.strictObject({})).returns<OwnKeys>(),
  saveOwnKeys: call(v.strictObject({ keys: ownKeys })).returns<null>(),
};
