import { app } from '#shared/contract/app.ts';
import type { Client } from '#shared/contract/contract.ts';
import type { PortNotice } from '#shared/contract/supervision.ts';
import { connect, type ClientFrame, type Port, type ServerFrame } from '#shared/contract/wire.ts';

export type App = Client<typeof app> & Disposable;

type AppPort = Port<ClientFrame, ServerFrame>;

/** Opens the way to the app: through the desktop shell's port, or to whoever serves this page. */
export async function openApp(): Promise<App> {
  const isInShell = location.protocol === 'pilothouse:';
  return connect(app, await (isInShell ? openShellPort() : openSocket()));
}

/** The preload script answers the page's wish with a port of its own. */
async function openShellPort(): Promise<AppPort> {
  const port = await new Promise<MessagePort>((resolve) => {
    addEventListener('message', function receive({ data, source, ports }) {
      if (source !== window || data !== 'pilothouse-port' || !ports[0]) return;
      removeEventListener('message', receive);
      resolve(ports[0]);
    });
    postMessage('pilothouse-connect', location.origin);
  });
  port.start();
  await opened(port);
  return {
    send: (frame) => port.postMessage(JSON.stringify(frame)),
    listen(receive, closed) {
      port.addEventListener('message', ({ data }: MessageEvent<string | PortNotice>) => {
        if (typeof data === 'string') receive(JSON.parse(data) as ServerFrame);
        else if (data.type === 'closed') closed();
      });
      port.addEventListener('close', closed);
      return { [Symbol.dispose]: () => port.close() };
    },
  };
}

/** The cluster may be starting: its first word is that it is open, or why it is not. */
async function opened(port: MessagePort): Promise<void> {
  const notice = await new Promise<PortNotice>((resolve) => {
    const receive = ({ data }: MessageEvent<PortNotice>): void => resolve(data);
    port.addEventListener('message', receive, { once: true });
    port.addEventListener('close', () => resolve({ type: 'closed', why: 'Its process ended' }), {
      once: true,
    });
  });
  if (notice.type === 'closed') throw new Error(notice.why);
}

async function openSocket(): Promise<AppPort> {
  const socket = new WebSocket(`ws://${location.host}/port`);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('Pilothouse does not answer')), {
      once: true,
    });
  });
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    listen(receive, closed) {
      socket.addEventListener('message', ({ data }) =>
        receive(JSON.parse(String(data)) as ServerFrame),
      );
      socket.addEventListener('close', closed, { once: true });
      return { [Symbol.dispose]: () => socket.close() };
    },
  };
}
