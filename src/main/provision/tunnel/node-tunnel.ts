import type { Duplex } from 'node:stream';
import { readGreeting } from '#agent/tunnel/greeting.ts';
import type { Wanted } from '#agent/tunnel/index.ts';
import { Multiplexer, type StreamRequest } from '#agent/tunnel/multiplexer.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { ApiError } from '#shared/kube/errors.ts';

export type TunnelState =
  | { readonly phase: 'connecting' }
  /** Since this time by the wall, in milliseconds. */
  | { readonly phase: 'connected'; readonly since: number }
  | { readonly phase: 'waiting'; readonly why: string }
  /** Trying again would not help; a person has to look. */
  | { readonly phase: 'stopped'; readonly why: string };

/** A way to the agent on a machine; disposing ends it. */
export interface Attachment extends AsyncDisposable {
  readonly stream: Duplex;
  /** What was complained of on the way, if anything. */
  readonly complaint: () => string;
}

export interface NodeTunnelOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Logs in and attaches to the agent. */
  attach(signal: AbortSignal): Promise<Attachment>;
  /** Whether this failure will not go away by itself. */
  isFinal(error: unknown): boolean;
  /** The node asks for the API server. */
  onApiRequest(request: StreamRequest): void;
  /** Called at each change of the state, with the new one. */
  entered?(state: TunnelState): void;
  /** From 0 to 1; spreads the attempts of many nodes. */
  random(): number;
}

const pingEveryMs = 10_000;
const pingDeadlineMs = 5_000;
const firstWaitMs = 500;
const longestWaitMs = 30_000;
/** A tunnel that held this long was a good one: the next wait is short again. */
const stableMs = 60_000;

/** Keeps a tunnel to one node, for as long as it lives, whatever happens on the way. */
export class NodeTunnel implements AsyncDisposable {
  readonly node: string;
  readonly #options: NodeTunnelOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #state: TunnelState = { phase: 'connecting' };
  #session: Multiplexer | undefined;
  #change = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;

  constructor(options: NodeTunnelOptions) {
    this.#options = options;
    this.node = options.node;
    this.#running = this.#run();
  }

  get state(): TunnelState {
    return this.#state;
  }

  /** A stream to an address as the node sees it. Throws `ServiceUnavailable` saying why there is none. */
  dial(
    { host, port }: { readonly host: string; readonly port: number },
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Duplex> {
    return this.open({ type: 'dial', host, port }, options);
  }

  /** What else an agent offers; throws as `dial` does. */
  async open(
    wanted: Exclude<Wanted, { readonly type: 'api' }>,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Duplex> {
    if (!this.#session) throw this.#unreachable(this.#whyNot());
    try {
      return await this.#session.open(wanted, options);
    } catch (cause) {
      options.signal?.throwIfAborted();
      const what = wanted.type === 'dial' ? `${wanted.host}:${wanted.port}: ` : '';
      throw this.#unreachable(what + (cause as Error).message, cause);
    }
  }

  /** Resolves once the tunnel stands; rejects when it has stopped trying. */
  async connected(signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#state.phase === 'connected') return;
      if (this.#state.phase === 'stopped') throw this.#unreachable(this.#state.why);
      const aborted = Promise.withResolvers<never>();
      const abort = (): void => aborted.reject(signal?.reason as Error);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        await Promise.race([this.#change.promise, aborted.promise]);
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    }
  }

  /** After a sleep, or when the network is another one: does not wait for the next look. */
  wake(): void {
    this.#wake?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The tunnel was closed'));
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, node } = this.#options;
    const stopped = this.#stop.signal;
    let failures = 0;
    while (!stopped.aborted) {
      this.#enter({ phase: 'connecting' });
      const startedAt = clock.elapsed();
      try {
        const why = await this.#hold();
        if (stopped.aborted) return;
        if (clock.elapsed() - startedAt >= stableMs) failures = 0;
        this.#enter({ phase: 'waiting', why });
        log.info('Tunnel lost', { node, why });
      } catch (error) {
        if (stopped.aborted) return;
        const why = (error as Error).message;
        if (this.#options.isFinal(error)) {
          log.error('Tunnel given up', { node, why });
          return this.#enter({ phase: 'stopped', why });
        }
        this.#enter({ phase: 'waiting', why });
        log.debug('No tunnel yet', { node, why });
      }
      failures++;
      const longest = Math.min(firstWaitMs * 2 ** (failures - 1), longestWaitMs);
      await this.#pause(Math.max(firstWaitMs / 2, longest * this.#options.random()));
    }
  }

  /** One tunnel from its beginning to its end; resolves to why it ended. */
  async #hold(): Promise<string> {
    const { clock, log, node } = this.#options;
    await using attachment = await this.#options.attach(this.#stop.signal);
    const greeting = await this.#greeting(attachment);
    if (greeting.node !== node)
      throw new Error(`The machine is node ${greeting.node} now, not ${node}; remove one of them`);
    using session = new Multiplexer({
      transport: attachment.stream,
      end: 'desktop',
      onRequest: (request) => this.#answer(request),
    });
    this.#session = session;
    this.#enter({ phase: 'connected', since: clock.now() });
    log.info('Tunnel stands', { node });
    try {
      return await Promise.race([session.ended, this.#watchOver(session)]);
    } finally {
      this.#session = undefined;
    }
  }

  async #greeting(attachment: Attachment): Promise<{ readonly node: string }> {
    using _deadline = this.#options.clock.after(2 * pingDeadlineMs, () =>
      attachment.stream.destroy(new Error('The agent does not answer')),
    );
    try {
      return await readGreeting(attachment.stream);
    } catch (cause) {
      const why = attachment.complaint() || (cause as Error).message;
      throw new Error(`Cannot attach to the agent of node ${this.node}: ${why}`, { cause });
    }
  }

  #answer(request: StreamRequest): void {
    const { type } = request.wanted as Wanted;
    if (type === 'api') this.#options.onApiRequest(request);
    else request.refuse(`A desktop has no ${type}`);
  }

  /** Asks again and again whether the other end is there; resolves to why it is not. */
  async #watchOver(session: Multiplexer): Promise<string> {
    for (;;) {
      await this.#pause(pingEveryMs);
      if (this.#stop.signal.aborted) return 'the tunnel was closed';
      const deadline = new AbortController();
      using _timer = this.#options.clock.after(pingDeadlineMs, () =>
        deadline.abort(new Error('no answer')),
      );
      try {
        await session.ping(deadline.signal);
      } catch {
        return `the agent did not answer within ${pingDeadlineMs / 1000} seconds`;
      }
    }
  }

  /** Ends early when woken or stopped. */
  async #pause(ms: number): Promise<void> {
    const early = new AbortController();
    this.#wake = () => early.abort(new Error('woken'));
    if (this.#stop.signal.aborted) return;
    await sleep(this.#options.clock, ms, early.signal).catch(() => {}); // woken: no matter why
    this.#wake = undefined;
  }

  #enter(state: TunnelState): void {
    this.#state = state;
    this.#options.entered?.(state);
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #whyNot(): string {
    const state = this.#state;
    if (state.phase === 'waiting' || state.phase === 'stopped') return state.why;
    return 'its tunnel is being opened';
  }

  #unreachable(why: string, cause?: unknown): ApiError {
    return new ApiError('ServiceUnavailable', `Cannot reach node ${this.node}: ${why}`, { cause });
  }
}
