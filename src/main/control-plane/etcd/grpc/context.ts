import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { EmbeddedStore } from '../embedded-store.ts';
import type { header } from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';

/** What every service needs. */
export interface FaceContext {
  readonly store: EmbeddedStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  readonly memberId: bigint;
  readonly clientUrl: () => string;
  readonly header: (revision?: number) => MessageOf<typeof header>;
}

/** There are no elections: the term is one that no client takes for "no leader yet". */
export const raftTerm = 2;
