import { StoreError, type StoreEvent, type Watch, type WatchMessage } from '../store.ts';
import type { FaceContext } from './context.ts';
import { watchFilters, watchRequest, watchResponse, type watchCreate } from './messages.ts';
import type { MessageOf } from '#shared/base/protobuf.ts';
import { streaming, type Call, type Method } from './server.ts';

type WatchCall = Call<MessageOf<typeof watchRequest>, MessageOf<typeof watchResponse>>;
type Creation = MessageOf<typeof watchCreate>;
type Response = Partial<MessageOf<typeof watchResponse>>;

export function watchMethods(context: FaceContext): Method[] {
  return [
    streaming('/etcdserverpb.Watch/Watch', [watchRequest, watchResponse], (call) =>
      new WatchStream(context, call).serve(),
    ),
  ];
}

/** etcd's, of a watch that is not one: progress of all of them, and refusals. */
const noWatchId = -1;
const progressMs = 600_000;
/** Larger messages are sent in fragments to clients that want that. */
const fragmentBytes = 2 * 1024 * 1024;

interface Watching {
  readonly id: number;
  readonly creation: Creation;
  watch: Watch;
  /** Everything before has been sent. */
  next: number;
  /** Whether anything was sent since the last periodic progress. */
  wasQuiet: boolean;
  /** Asked for progress, and not yet told. */
  awaitingProgress: boolean;
}

/** The watches of one client call. While the client does not keep up they wait, and then resume. */
class WatchStream {
  readonly #context: FaceContext;
  readonly #call: WatchCall;
  readonly #watches = new Map<number, Watching>();
  #nextId = 0;
  #progressTimer: Disposable | undefined;
  #progressAsked = false;
  #stalled = false;
  #over = false;

  constructor(context: FaceContext, call: WatchCall) {
    this.#context = context;
    this.#call = call;
  }

  serve(): void {
    const call = this.#call;
    call.onMessage(({ create, cancel, progress }) => {
      if (create) this.#create({ ...blankCreation, ...create });
      else if (cancel) this.#cancel(cancel.watchId ?? 0);
      else if (progress) this.#askProgress();
    });
    call.onDrain(() => this.#resume());
    call.onEnd(() => call.end());
    call.onClose(() => this.#close());
  }

  #create(creation: Creation): void {
    const { key, rangeEnd } = creation;
    const id = creation.watchId === 0 ? this.#freeId() : creation.watchId;
    const refusal = this.#watches.has(id)
      ? 'mvcc: duplicate watch ID provided on the WatchStream'
      : rangeEnd !== '' && rangeEnd !== '\0' && key >= rangeEnd
        ? 'mvcc: watcher range is empty'
        : undefined;
    if (refusal !== undefined) {
      const state = { watchId: noWatchId, created: true, canceled: true, cancelReason: refusal };
      this.#send({ header: this.#context.header(), ...state });
      return;
    }
    const { store, header } = this.#context;
    this.#send({ header: header(), watchId: id, created: true });
    const next = creation.startRevision > 0 ? creation.startRevision : store.revision + 1;
    const watching: Watching = {
      id,
      // No key at all stands for the first there can be.
      creation: key === '' ? { ...creation, key: '\0', rangeEnd: rangeEnd || '\0' } : creation,
      watch: idle,
      next,
      wasQuiet: true,
      awaitingProgress: false,
    };
    this.#watches.set(id, watching);
    if (!this.#stalled) this.#start(watching);
    if (creation.progressNotify) this.#scheduleProgress();
  }

  #freeId(): number {
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #start(watching: Watching): void {
    const { key, rangeEnd, prevKv } = watching.creation;
    const request = { key, startRevision: watching.next, prevKv };
    try {
      watching.watch = this.#context.store.watch(
        rangeEnd === '' ? request : { ...request, rangeEnd },
        (message) => this.#receive(watching, message),
      );
    } catch (error) {
      this.#call.end(error);
    }
  }

  #receive(watching: Watching, message: WatchMessage): void {
    switch (message.type) {
      case 'events':
        watching.next = message.revision + 1;
        this.#sendEvents(watching, message.events);
        break;
      case 'progress':
        if (watching.awaitingProgress) {
          watching.awaitingProgress = false;
          this.#settleProgress();
        }
        break;
      case 'ended':
        this.#fail(watching, message.error);
    }
  }

  #sendEvents(watching: Watching, events: readonly StoreEvent[]): void {
    const { id, creation } = watching;
    const { filters, prevKv, fragment } = creation;
    const noPut = filters.includes(watchFilters.noPut);
    const noDelete = filters.includes(watchFilters.noDelete);
    const wanted = events
      .filter(({ type }) => !(type === 'put' ? noPut : noDelete))
      .map((event) => ({
        type: event.type === 'put' ? 0 : 1,
        kv: event.kv,
        prevKv: prevKv ? event.prevKv : undefined,
      }));
    if (wanted.length === 0) return;
    watching.wasQuiet = false;
    const header = this.#context.header();
    const pieces = fragment ? cut(wanted) : [wanted];
    for (const [index, piece] of pieces.entries()) {
      const isLast = index === pieces.length - 1;
      this.#send({ header, watchId: id, events: piece, fragment: !isLast });
    }
  }

  #fail(watching: Watching, error: StoreError): void {
    this.#watches.delete(watching.id);
    if (error.code !== 'compacted') {
      this.#call.end(error);
      return;
    }
    this.#send({
      header: this.#context.header(),
      watchId: watching.id,
      canceled: true,
      compactRevision: error.compactRevision ?? 0,
    });
  }

  #cancel(watchId: number): void {
    const watching = this.#watches.get(watchId);
    if (!watching) return;
    this.#watches.delete(watchId);
    watching.watch[Symbol.dispose]();
    this.#send({ header: this.#context.header(), watchId, canceled: true });
    this.#settleProgress();
  }

  #askProgress(): void {
    this.#progressAsked = true;
    for (const watching of this.#watches.values()) watching.awaitingProgress = true;
    for (const watching of this.#watches.values()) watching.watch.requestProgress();
    this.#settleProgress();
  }

  /** One answer for all, once all have been sent everything. */
  #settleProgress(): void {
    if (!this.#progressAsked || this.#stalled) return;
    for (const { awaitingProgress } of this.#watches.values()) if (awaitingProgress) return;
    this.#progressAsked = false;
    this.#send({ header: this.#context.header(), watchId: noWatchId });
  }

  #scheduleProgress(): void {
    this.#progressTimer ??= this.#context.clock.after(progressMs, () => {
      this.#progressTimer = undefined;
      for (const watching of this.#watches.values()) {
        if (!watching.creation.progressNotify) continue;
        if (watching.wasQuiet && !this.#stalled) {
          this.#send({ header: this.#context.header(), watchId: watching.id });
        }
        watching.wasQuiet = true;
      }
      this.#scheduleProgress();
    });
  }

  #send(response: Response): void {
    if (this.#over || this.#call.write(response) || this.#stalled) return;
    this.#stalled = true;
    for (const watching of this.#watches.values()) {
      watching.watch[Symbol.dispose]();
      watching.watch = idle;
    }
  }

  #resume(): void {
    if (!this.#stalled || this.#over) return;
    this.#stalled = false;
    for (const watching of this.#watches.values()) {
      this.#start(watching);
      if (watching.awaitingProgress) watching.watch.requestProgress();
      if (this.#stalled) return;
    }
  }

  #close(): void {
    this.#over = true;
    this.#progressTimer?.[Symbol.dispose]();
    for (const { watch } of this.#watches.values()) watch[Symbol.dispose]();
    this.#watches.clear();
  }
}

const idle: Watch = { requestProgress: () => {}, [Symbol.dispose]: () => {} };

const blankCreation: Creation = {
  key: '',
  rangeEnd: '',
  startRevision: 0,
  progressNotify: false,
  filters: [],
  prevKv: false,
  watchId: 0,
  fragment: false,
};

type EventMessage = NonNullable<Response['events']>[number];

function cut(events: readonly EventMessage[]): EventMessage[][] {
  const pieces: EventMessage[][] = [];
  let bytes = Infinity;
  for (const event of events) {
    const size = sizeOf(event);
    if (bytes + size > fragmentBytes) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)!.push(event);
    bytes += size;
  }
  return pieces;
}

function sizeOf({ kv, prevKv }: EventMessage): number {
  const bytes = (one: EventMessage['kv']): number =>
    one ? (one.key?.length ?? 0) + (one.value?.length ?? 0) + 64 : 0;
  return bytes(kv) + bytes(prevKv);
}
