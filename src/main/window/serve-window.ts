import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Log } from '#shared/base/log.ts';
import type { Contract, Handlers } from '#shared/contract/contract.ts';
import { serve, type Port, type ServerFrame } from '#shared/contract/wire.ts';
import { createGate, type Gate } from '#main/window/gate.ts';

export interface WindowOptions<C extends Contract> {
  readonly contract: C;
  readonly handlers: Handlers<C>;
  /** The folder of the built renderer. */
  readonly assets: string;
  readonly log: Log;
  /** Where a browser keeps what belongs to this window; any other if that is taken. */
  readonly preferredPort?: number | undefined;
  /** What the cookie of those says who have been let in; another one each time unless given. */
  readonly session?: string | undefined;
}

export interface ServedWindow extends AsyncDisposable {
  /** With the one-time token; whoever opens it first is the window. */
  readonly url: string;
  readonly port: number;
}

/** No honest message of the window is larger: the API itself takes 3 MiB. */
const maxMessageBytes = 4 << 20;

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ttf': 'font/ttf',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/** Serves the window to a browser on 127.0.0.1: the renderer's files, and its port as a WebSocket. */
export async function serveWindow<C extends Contract>(
  options: WindowOptions<C>,
): Promise<ServedWindow> {
  const { log } = options;
  const gate = createGate({ session: options.session });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes });
  const server = createServer((request, response) => {
    void answer(request, response, { gate, port: portOf(server), assets: options.assets });
  });
  server.on('upgrade', (request, socket, head) => {
    const verdict = gate.check(request, portOf(server));
    if (verdict.type !== 'pass' || request.url !== '/port') {
      log.warn('Refused a connection to the window', { origin: request.headers.origin ?? '' });
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      serve(options.contract, options.handlers, portOn(webSocket, log), {
        onRefused: (why) => log.warn('Refused a message of the window', { why }),
      });
    });
  });
  await listen(server, options.preferredPort ?? 0);
  const port = portOf(server);
  return {
    url: `http://127.0.0.1:${port}/?token=${gate.token}`,
    port,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', resolve);
  try {
    await promise;
  } catch (error) {
    if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await listen(server, 0);
  } finally {
    server.off('error', reject);
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { gate, port, assets }: { gate: Gate; port: number; assets: string },
): Promise<void> {
  const verdict = gate.check(request, port);
  const headers = securityHeaders(port);
  if (verdict.type === 'refuse') {
    response.writeHead(403, { ...headers, 'content-type': 'text/plain' });
    response.end(`Forbidden: ${verdict.why}\n`);
    return;
  }
  if (verdict.type === 'welcome') {
    response.writeHead(303, { ...headers, 'set-cookie': verdict.cookie, location: '/' }).end();
    return;
  }
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const file = pathname === '/' ? 'index.html' : normalize(pathname).replace(/^[/\\.]+/, '');
  try {
    const body = await readFile(join(assets, file));
    const type = contentTypes[extname(file)] ?? 'application/octet-stream';
    const cache = file.startsWith('assets/') ? 'max-age=31536000, immutable' : 'no-store';
    response.writeHead(200, { ...headers, 'content-type': type, 'cache-control': cache });
    response.end(request.method === 'HEAD' ? undefined : body);
  } catch {
    // Whatever keeps the file from being read, the page that asked learns only that it is not there.
    response.writeHead(404, { ...headers, 'content-type': 'text/plain' }).end('Not found\n');
  }
}

function securityHeaders(port: number): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    // Monaco writes style attributes.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ws://127.0.0.1:${port} ws://localhost:${port}`,
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
}

/** JSON text frames over a WebSocket. A message that is no JSON reaches `receive` as a plain string. */
function portOn(socket: WebSocket, log: Log): Port<ServerFrame, unknown> {
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    listen(receive, closed) {
      socket.on('message', (data) => receive(parse((data as Buffer).toString())));
      socket.on('close', closed);
      socket.on('error', (error) => log.warn('The window’s connection broke', { error }));
      return { [Symbol.dispose]: () => socket.close() };
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
