import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { GrpcClient, type Types } from './grpc/client.ts';
import { wordings } from './grpc/conversion.ts';
import {
  alarmRequest,
  alarmResponse,
  alarms,
  compactionRequest,
  empty,
  headerOnly,
  leaseGrantRequest,
  leaseGrantResponse,
  leaseKeepAliveResponse,
  leaseLeasesResponse,
  leaseRequest,
  leaseTimeToLiveRequest,
  leaseTimeToLiveResponse,
  rangeRequest,
  rangeResponse,
  snapshotResponse,
  statusResponse,
  txnRequest,
  txnResponse,
  type header,
} from './grpc/messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import type { TlsMaterial } from './grpc/server.ts';
import { GrpcError } from './grpc/status.ts';
import { rangeMessage, readRange, readTxn, revisionOf, txnMessage } from './grpc/to-message.ts';
import { RemoteWatch } from './remote-watch.ts';
import {
  StoreError,
  type CompactOptions,
  type Lease,
  type LeaseStatus,
  type RangeRequest,
  type RangeResponse,
  type Store,
  type StoreErrorCode,
  type StoreStatus,
  type TxnRequest,
  type TxnResponse,
  type Watch,
  type WatchMessage,
  type WatchRequest,
} from './store.ts';

export interface RemoteStoreOptions {
  /** `https://host:port` or `http://host:port` of each member. */
  readonly endpoints: readonly string[];
  /** What members must be signed by, and how we identify ourselves to them. */
  readonly tls?: Partial<TlsMaterial>;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs?: number;
}

/** Opens a real etcd, 3.4 or later. Throws `unavailable` if none of its members can be reached. */
export async function openRemoteStore(options: RemoteStoreOptions): Promise<Store> {
  const store = new RemoteStore(options);
  try {
    await store.range({ key: '\0', countOnly: true });
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

class RemoteStore implements Store {
  readonly #options: RemoteStoreOptions;
  readonly #client: GrpcClient;
  readonly #watches = new Set<RemoteWatch>();
  #revision = 0;

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#client = new GrpcClient({ timeoutMs: 10_000, ...options });
  }

  /** The newest that any answer has told of: others may have written since. */
  get revision(): number {
    return this.#revision;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    const types = [rangeRequest, rangeResponse] as const;
    const response = await this.#call('KV/Range', types, rangeMessage(request));
    return readRange(response, revisionOf(response.header));
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    const response = await this.#call('KV/Txn', [txnRequest, txnResponse], txnMessage(request));
    return readTxn(response, revisionOf(response.header));
  }

  async compact(revision: number, { physical = false }: CompactOptions = {}): Promise<void> {
    await this.#call('KV/Compact', [compactionRequest, headerOnly], { revision, physical });
  }

  watch(request: WatchRequest, receive: (message: WatchMessage) => void): Watch {
    const watch = new RemoteWatch({
      request,
      receive,
      client: this.#client,
      clock: this.#options.clock,
      log: this.#options.log,
      toError: toStoreError,
      revision: this.#revision,
      seen: (revision) => this.#see(revision),
      over: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    return watch;
  }

  async grantLease(ttlSeconds: number, id = 0n): Promise<Lease> {
    const types = [leaseGrantRequest, leaseGrantResponse] as const;
    const response = await this.#call('Lease/LeaseGrant', types, { ttl: ttlSeconds, id });
    return { id: response.id, ttlSeconds: response.ttl };
  }

  async revokeLease(id: bigint): Promise<void> {
    await this.#call('Lease/LeaseRevoke', [leaseRequest, headerOnly], { id });
  }

  async keepLeaseAlive(id: bigint): Promise<Lease> {
    const types = [leaseRequest, leaseKeepAliveResponse] as const;
    const { ttl } = await this.#call('Lease/LeaseKeepAlive', types, { id });
    if (ttl <= 0) throw new StoreError('leaseNotFound', wordings.leaseNotFound.message);
    return { id, ttlSeconds: ttl };
  }

  async leaseTimeToLive(id: bigint, options: { keys?: boolean } = {}): Promise<LeaseStatus> {
    const { keys = false } = options;
    const types = [leaseTimeToLiveRequest, leaseTimeToLiveResponse] as const;
    const response = await this.#call('Lease/LeaseTimeToLive', types, { id, keys });
    const { ttl, grantedTtl } = response;
    return { id, ttlSeconds: grantedTtl, remainingSeconds: ttl, keys: response.keys };
  }

  async leases(): Promise<readonly bigint[]> {
    const { leases } = await this.#call('Lease/LeaseLeases', [empty, leaseLeasesResponse], {});
    return leases.map(({ id = 0n }) => id);
  }

  async status(): Promise<StoreStatus> {
    const [status, raised, compactRevision] = await Promise.all([
      this.#call('Maintenance/Status', [empty, statusResponse], {}),
      this.#call('Maintenance/Alarm', [alarmRequest, alarmResponse], {}),
      this.#findCompactRevision(),
    ]);
    return {
      version: status.version,
      dbSizeBytes: status.dbSize,
      dbSizeInUseBytes: status.dbSizeInUse,
      revision: revisionOf(status.header),
      compactRevision,
      noSpace: raised.alarms.some(({ alarm }) => alarm === alarms.noSpace),
    };
  }

  async *snapshot(): AsyncIterable<Uint8Array> {
    const blobs: Uint8Array[] = [];
    let wake = Promise.withResolvers<void>();
    let ending: { readonly error?: GrpcError } | undefined;
    const types = [empty, snapshotResponse] as const;
    const call = await this.#client.stream('/etcdserverpb.Maintenance/Snapshot', types, {
      message: ({ blob }) => {
        blobs.push(blob);
        wake.resolve();
      },
      end: (error) => {
        ending = error ? { error } : {};
        wake.resolve();
      },
    });
    try {
      call.write({});
      call.end();
      for (;;) {
        yield* blobs.splice(0);
        if (ending?.error) throw toStoreError(ending.error);
        if (ending) return;
        await wake.promise;
        wake = Promise.withResolvers();
      }
    } finally {
      call.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const error = new StoreError('stopped', 'The store has stopped');
    for (const watch of this.#watches) watch.stop(error);
    this.#client[Symbol.dispose]();
  }

  async #call<Q, A extends { readonly header: unknown }>(
    method: string,
    types: Types<Q, A>,
    request: Partial<Q>,
  ): Promise<A> {
    try {
      const response = await this.#client.unary(`/etcdserverpb.${method}`, types, request);
      this.#see(revisionOf(response.header as Partial<MessageOf<typeof header>> | undefined));
      return response;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #see(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  /** Only a watch that comes too late is told how far back the past can still be read. */
  async #findCompactRevision(): Promise<number> {
    try {
      await this.range({ key: '\0', revision: 1, countOnly: true });
      return 0;
    } catch (error) {
      if (!StoreError.is(error, 'compacted')) throw error;
    }
    const { promise, resolve } = Promise.withResolvers<number>();
    using _watch = this.watch({ key: '\0', startRevision: 1 }, (message) => {
      if (message.type === 'ended') resolve(message.error.compactRevision ?? 0);
    });
    return await promise;
  }
}

const codesByMessage = new Map(
  Object.entries(wordings).map(([code, { message }]) => [message, code as StoreErrorCode]),
);

/** etcd's errors are told apart by their texts, as its own clients do. */
function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = Error.isError(error) ? error.message : String(error);
  const code = error instanceof GrpcError ? codesByMessage.get(message) : undefined;
  return new StoreError(code ?? 'unavailable', message, { cause: error });
}
