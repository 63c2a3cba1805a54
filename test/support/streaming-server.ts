import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { SpdyConnection } from '#main/control-plane/apiserver/streaming/spdy/connection.ts';
import type { SpdyStream } from '#main/control-plane/apiserver/streaming/spdy/stream.ts';

export interface StreamingServer extends AsyncDisposable {
  readonly port: number;
}

type Streams = ReadonlyMap<string, SpdyStream>;

/**
 * What a container runtime's streaming server does, by SPDY: `/exec…` runs the command on this
 * machine, `/attach…` is a process that repeats its input, `/portForward…` leads to this machine.
 */
export async function startStreamingServer(): Promise<StreamingServer> {
  const sockets = new Set<Duplex>();
  const server = createServer((_request, response) => {
    response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end('Upgrade request required\n');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket, head) => {
    serve(request, socket, head);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function serve(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const isForward = url.pathname.startsWith('/portForward');
  const offered = (request.headersDistinct['x-stream-protocol-version'] ?? []).flatMap((each) =>
    each.split(/,\s*/),
  );
  const spoken = isForward
    ? ['portforward.k8s.io']
    : ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'];
  const chosen = spoken.find((each) => offered.includes(each));
  if (!chosen || request.headers.upgrade !== 'SPDY/3.1') {
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno protocol in common\n');
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${chosen}\r\n\r\n`,
  );
  if (isForward) forwardPorts(socket, head);
  else void runCommand({ socket, head, url });
}

interface Terminal {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly url: URL;
}

async function runCommand({ socket, head, url }: Terminal): Promise<void> {
  const wants = (name: string): boolean => url.searchParams.get(name) === '1';
  const isTty = wants('tty');
  const expected = [
    'error',
    ...(wants('input') ? ['stdin'] : []),
    ...(wants('output') ? ['stdout'] : []),
  ]
    .concat(wants('error') && !isTty ? ['stderr'] : [])
    .concat(isTty ? ['resize'] : []);
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<void>();
  const connection = new SpdyConnection({
    role: 'server',
    socket,
    head,
    accept(stream) {
      streams.set(stream.headers['streamtype'] ?? '', stream);
      if (expected.every((each) => streams.has(each))) complete.resolve();
    },
  });
  await complete.promise;
  const child = childFor(url, isTty);
  connection.closed.catch(() => {}).finally(() => child.kill());
  await finish(connection, streams, await exitOf(child, streams));
}

function childFor({ pathname, searchParams }: URL, isTty: boolean): ChildProcess {
  if (pathname.startsWith('/attach')) {
    const echo = 'echo ready; while read line; do echo "got $line"; echo "saw $line" >&2; done';
    return spawn('sh', ['-c', echo]);
  }
  const [program = '', ...args] = searchParams.getAll('command');
  if (!isTty) return spawn(program, args);
  const quoted = [program, ...args].map((each) => `'${each.replaceAll("'", `'\\''`)}'`).join(' ');
  return spawn('script', ['-qefc', quoted, '/dev/null']);
}

/** The exit code, or why there is none. */
async function exitOf(child: ChildProcess, streams: Streams): Promise<number | string> {
  const input = streams.get('stdin');
  child.stdin?.on('error', () => {});
  if (input) input.pipe(child.stdin!);
  else child.stdin?.end();
  pipeOutput(child.stdout!, streams.get('stdout'));
  pipeOutput(child.stderr!, streams.get('stderr'));
  const { promise, resolve } = Promise.withResolvers<number | string>();
  child.once('error', (error) => resolve(error.message));
  child.once('close', (code) => resolve(code ?? 137));
  return promise;
}

function pipeOutput(from: NodeJS.ReadableStream, to: SpdyStream | undefined): void {
  if (to) from.pipe(to, { end: false });
  else from.resume();
}

async function finish(
  connection: SpdyConnection,
  streams: Streams,
  exit: number | string,
): Promise<void> {
  const status =
    exit === 0
      ? { metadata: {}, status: 'Success' }
      : typeof exit === 'number'
        ? {
            metadata: {},
            status: 'Failure',
            reason: 'NonZeroExitCode',
            message: `command terminated with non-zero exit code: ${exit}`,
            details: { causes: [{ reason: 'ExitCode', message: String(exit) }] },
          }
        : {
            metadata: {},
            status: 'Failure',
            reason: 'InternalError',
            message: `Internal error occurred: error executing command in container: ${exit}`,
            code: 500,
          };
  const error = streams.get('error')!;
  if (error.destroyed || error.writableEnded) return;
  const outputs = ['stdout', 'stderr'].map((name) => streams.get(name));
  for (const stream of outputs) stream?.end();
  error.end(JSON.stringify(status));
  await once(error, 'finish');
  connection.close();
}

/** Streams come in pairs with the same request: one for errors, one for data. */
function forwardPorts(socket: Duplex, head: Buffer): void {
  const errors = new Map<string, SpdyStream>();
  const connection = new SpdyConnection({
    role: 'server',
    socket,
    head,
    accept(stream) {
      const { streamtype: type, port = '', requestid: request = '' } = stream.headers;
      if (type === 'error') errors.set(request, stream);
      else pass(stream, errors.get(request), Number(port));
    },
  });
  connection.closed.catch(() => {});
}

function pass(stream: SpdyStream, error: SpdyStream | undefined, port: number): void {
  const target = connect(port, '127.0.0.1');
  stream.pipe(target);
  target.pipe(stream);
  target.once('error', ({ message }) => {
    error?.end(`error forwarding port ${port}: ${message}`);
    stream.end();
  });
  target.once('close', () => error?.end());
}
