import * as v from 'valibot';
import { call, stream } from '#shared/contract/contract.ts';

/** A node that is being drained, or was: it goes on without a window. */
export interface NodeDrain {
  readonly id: string;
  readonly node: string;
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
  readonly gone: number;
  readonly total: number;
  /** What keeps the next ones, in the server's words; '' while nothing does. */
  readonly waitsFor: string;
  /** Why it failed. */
  readonly problem?: string;
}

const node = v.pipe(v.string(), v.minLength(1), v.maxLength(253));

/** What the window may ask about drains of nodes. */
export const drainOperations = {
  /** The running ones and the last ones that ended, one a node; told again whenever they change. */
  drains: stream(v.strictObject({})).yields<readonly NodeDrain[]>(),
  /** Cordons the node and evicts its pods; answers once it has begun. */
  drainNode: call(v.strictObject({ node })).returns<null>(),
  /** What has gone has gone, and the node stays cordoned. */
  stopDrain: call(v.strictObject({ node })).returns<null>(),
};
