import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { ClientCall, GrpcClient } from './grpc/client.ts';
import { watchRequest, watchResponse, type event } from './grpc/messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { readKeyValue, revisionOf } from './grpc/to-message.ts';
import {
  StoreError,
  type StoreEvent,
  type Watch,
  type WatchMessage,
  type WatchRequest,
} from './store.ts';

export interface RemoteWatchOptions {
  readonly request: WatchRequest;
  readonly receive: (message: WatchMessage) => void;
  readonly client: GrpcClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly toError: (error: unknown) => StoreError;
  /** The newest revision known when the watch began. */
  readonly revision: number;
  readonly seen: (revision: number) => void;
  readonly over: () => void;
}

const retryMs = 250;
const progressId = -1;

type Response = MessageOf<typeof watchResponse>;

/** One watch on a real etcd. A lost connection is made again, and the watch goes on where it was. */
export class RemoteWatch implements Watch {
  readonly #options: RemoteWatchOptions;
  #call: ClientCall<MessageOf<typeof watchRequest>> | undefined;
  #next: number;
  #isCreated = false;
  #progressDue = false;
  /** Pieces of an answer that came in several. */
  #pieces: MessageOf<typeof event>[] = [];
  #retry: Disposable | undefined;
  #isOver = false;

  constructor(options: RemoteWatchOptions) {
    this.#options = options;
    this.#next = options.request.startRevision ?? 0;
    void this.#start();
  }

  requestProgress(): void {
    if (this.#isOver) return;
    if (this.#isCreated) this.#call?.write({ progress: {} });
    else this.#progressDue = true;
  }

  [Symbol.dispose](): void {
    this.#finish();
  }

  /** The store stops: the watch ends with this. */
  stop(error: StoreError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#options.receive({ type: 'ended', error });
  }

  async #start(): Promise<void> {
    const { client, request } = this.#options;
    const { key, rangeEnd = '', prevKv = false } = request;
    try {
      const call = await client.stream('/etcdserverpb.Watch/Watch', [watchRequest, watchResponse], {
        message: (response) => this.#receive(response),
        end: (error) => this.#lost(error),
      });
      if (this.#isOver) return call.cancel();
      this.#call = call;
      const startRevision = this.#next;
      call.write({ create: { key, rangeEnd, startRevision, prevKv, fragment: true } });
    } catch (error) {
      this.#lost(error);
    }
  }

  #receive(response: Response): void {
    if (this.#isOver) return;
    const revision = revisionOf(response.header);
    this.#options.seen(revision);
    if (response.canceled) return this.#canceled(response);
    if (response.created) {
      this.#isCreated = true;
      // Should the connection be lost before the first event, nothing may be missed.
      if (this.#next === 0) this.#next = revision + 1;
      if (this.#progressDue) this.requestProgress();
      this.#progressDue = false;
      return;
    }
    if (response.watchId === progressId || (response.events.length === 0 && !response.fragment)) {
      this.#next = Math.max(this.#next, revision + 1);
      this.#options.receive({ type: 'progress', revision });
      return;
    }
    this.#pieces.push(...(response.events as MessageOf<typeof event>[]));
    if (response.fragment) return;
    const events = this.#pieces.map(readEvent);
    this.#pieces = [];
    const newest = events.at(-1)!.kv.modRevision;
    this.#next = newest + 1;
    this.#options.receive({ type: 'events', revision: newest, events });
  }

  #canceled({ compactRevision, cancelReason }: Response): void {
    const error =
      compactRevision > 0
        ? new StoreError('compacted', 'etcdserver: mvcc: required revision has been compacted', {
            compactRevision,
          })
        : new StoreError('unavailable', `etcd ended the watch: ${cancelReason}`);
    this.stop(error);
  }

  #lost(error: unknown): void {
    if (this.#isOver) return;
    this.#call = undefined;
    this.#isCreated = false;
    this.#pieces = [];
    const { log, clock, request } = this.#options;
    log.debug('A watch has lost its connection and begins again', { key: request.key, error });
    this.#retry = clock.after(retryMs, () => void this.#start());
  }

  #finish(): void {
    this.#isOver = true;
    this.#retry?.[Symbol.dispose]();
    this.#call?.cancel();
    this.#options.over();
  }
}

function readEvent(message: MessageOf<typeof event>): StoreEvent {
  const kv = readKeyValue(message.kv)!;
  const prevKv = readKeyValue(message.prevKv);
  const type = message.type === 0 ? 'put' : 'delete';
  return prevKv ? { type, kv, prevKv } : { type, kv };
}
