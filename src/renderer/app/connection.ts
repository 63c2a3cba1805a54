import { app } from '#shared/contract/app.ts';
import type { Client } from '#shared/contract/contract.ts';
import { connect, type ClientFrame, type Port, type ServerFrame } from '#shared/contract/wire.ts';

export type App = Client<typeof app> & Disposable;

/** Opens the way to the app that serves this page. Rejects when it is not there. */
export async function openApp(): Promise<App> {
  const socket = new WebSocket(`ws://${location.host}/port`);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', () => reject(new Error('Pilothouse does not answer')), {
      once: true,
    });
  });
  return connect(app, portOn(socket));
}

function portOn(socket: WebSocket): Port<ClientFrame, ServerFrame> {
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
