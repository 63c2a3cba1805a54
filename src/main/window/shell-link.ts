import * as v from 'valibot';
import { serve, type Port, type ServerFrame } from '#shared/contract/wire.ts';
import type { Contract, Handlers } from '#shared/contract/contract.ts';
import {
  toControlPlane,
  windowFrame,
  type FromControlPlane,
  type PortNotice,
} from '#shared/contract/supervision.ts';

/** A port that came with a message, as Electron's utility processes receive them. */
export interface HandedPort {
  on(event: 'message', listener: (message: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  postMessage(message: string | PortNotice): void;
  close(): void;
}

export interface ShellLinkOptions {
  send(message: FromControlPlane): void;
  onPower(state: 'suspend' | 'resume'): void;
  onStop(): void;
  /** Told of messages that no honest shell or window sends. */
  onRefused(why: string): void;
}

/** The cluster's end of what the desktop shell says to it. */
export interface ShellLink {
  /** Takes one message of the shell, with the ports that came along. */
  receive(raw: unknown, ports?: readonly HandedPort[]): void;
  /** Answers all windows, those that have waited and those to come. */
  open<C extends Contract>(contract: C, handlers: Handlers<C>): void;
  /** Tells every window that the end has come. */
  close(why: string): void;
}

interface ShellWindow {
  send: (message: string | PortNotice) => void;
  receive: (frame: unknown) => void;
  closed: () => void;
}

/** Windows that ask before the cluster is ready wait until it is. */
export function createShellLink(options: ShellLinkOptions): ShellLink {
  const windows = new Map<number, ShellWindow>();
  let welcome: ((window: ShellWindow) => void) | undefined;

  function connect(id: number, port: HandedPort | undefined): void {
    if (windows.has(id)) return options.onRefused('a second connection of one window');
    const window: ShellWindow = {
      send: port
        ? (message) => port.postMessage(message)
        : (frame) => options.send({ type: 'frame', window: id, frame }),
      receive: () => options.onRefused('a frame before the port was open'),
      closed: () => {},
    };
    windows.set(id, window);
    port?.on('message', ({ data }) => deliver(id, data));
    port?.on('close', () => disconnect(id));
    port?.start();
    welcome?.(window);
  }

  function deliver(id: number, raw: unknown): void {
    const text = v.safeParse(windowFrame, raw);
    if (!text.success) options.onRefused('a frame that is no text, or too long');
    else windows.get(id)?.receive(parse(text.output));
  }

  function disconnect(id: number): void {
    const window = windows.get(id);
    if (!window) return;
    windows.delete(id);
    window.closed();
    // Whatever was being answered has nobody left to hear it.
    window.send = () => {};
  }

  return {
    receive(raw, ports = []) {
      const parsed = v.safeParse(toControlPlane, raw);
      if (!parsed.success) return options.onRefused('a message of no known form');
      const { output: message } = parsed;
      if (message.type === 'connect') connect(message.window, ports[0]);
      else if (message.type === 'frame') deliver(message.window, message.frame);
      else if (message.type === 'disconnect') disconnect(message.window);
      else if (message.type === 'power') options.onPower(message.state);
      else options.onStop();
    },
    open(contract, handlers) {
      welcome = (window) => {
        serve(contract, handlers, portOf(window), options);
        window.send({ type: 'open' });
      };
      windows.forEach(welcome);
    },
    close(why) {
      for (const [id, window] of windows) {
        window.send({ type: 'closed', why });
        disconnect(id);
      }
    },
  };
}

function portOf(window: ShellWindow): Port<ServerFrame, unknown> {
  return {
    send: (frame) => window.send(JSON.stringify(frame)),
    listen(receive, closed) {
      window.receive = receive;
      window.closed = closed;
      return { [Symbol.dispose]: () => {} };
    },
  };
}

/** A text that is no JSON stays a plain string: a frame of no known form. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
