import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { importImages } from '#agent/host/import-images.ts';
import { greetingLine } from '#agent/tunnel/greeting.ts';
import { Multiplexer, type StreamRequest } from '#agent/tunnel/multiplexer.ts';
import { splice } from '#agent/tunnel/splice.ts';
import type { AgentParts } from '#agent/settings.ts';

/** What either end may ask the other for. */
export type Wanted =
  /** Of the desktop: its API server. */
  | { readonly type: 'api' }
  /** Of the node: an address as it sees it. */
  | { readonly type: 'dial'; readonly host: string; readonly port: number }
  /** Of the node: to take an archive of images, and to say in JSON what came of it. */
  | { readonly type: 'image' };

/**
 * The node's end of the tunnel. It owns two endpoints that stay, whatever comes and goes: a socket
 * that `pilothouse-agent bridge` attaches to, and the API's address on this node. While no bridge is
 * attached, connections to the API end at once, so that callers try again instead of hanging. Where the
 * node reaches the server by itself, only the way from the server goes through here.
 */
export async function startTunnel({
  settings,
  log,
}: Pick<AgentParts, 'settings' | 'log'>): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const own = log.child({ component: 'tunnel' });
  let session: Multiplexer | undefined;

  const answer = (request: StreamRequest): void => {
    const wanted = request.wanted as Wanted;
    if (wanted.type === 'dial') return dialWanted(wanted, request);
    if (wanted.type !== 'image') return request.refuse(`An agent has no ${wanted.type}`);
    const stream = request.accept();
    importImages(stream, settings.runtimeEndpoint).catch((error: Error) => stream.destroy(error));
  };
  const attach = (socket: Socket): void => {
    socket.write(greetingLine({ node: settings.nodeName }));
    // One desktop at a time; the newest is the one that lives.
    session?.[Symbol.dispose]();
    const mine = new Multiplexer({ transport: socket, end: 'node', onRequest: answer });
    session = mine;
    own.info('Bridge attached');
    void mine.ended.then((why) => {
      if (session === mine) session = undefined;
      own.info('Bridge detached', { why });
      return undefined;
    });
  };
  const toServer = async (socket: Socket): Promise<void> => {
    try {
      if (!session) throw new Error('No bridge is attached');
      const stream = await session.open({ type: 'api' } satisfies Wanted);
      socket.setNoDelay();
      splice(socket, stream);
    } catch (error) {
      own.debug('No way to the API', { why: (error as Error).message });
      socket.resetAndDestroy(); // the caller sees a lost connection, and tries again
    }
  };

  const { run } = settings.folders;
  const path = join(run, 'agent.sock');
  await mkdir(run, { recursive: true, mode: 0o755 });
  await rm(path, { force: true });
  stack.use(await listen(attach, { path }));
  await chmod(path, 0o600);
  const { host, port, way } = settings.server;
  if (way === 'tunnel') stack.use(await listen(toServer, { host, port }));
  stack.defer(() => session?.[Symbol.dispose]());
  return stack.move();
}

function dialWanted(
  { host, port }: { readonly host: string; readonly port: number },
  request: StreamRequest,
): void {
  const socket = connect({ host, port });
  const refuse = (error: Error): void => request.refuse(error.message);
  socket.once('error', refuse);
  socket.once('connect', () => {
    socket.off('error', refuse);
    socket.setNoDelay();
    splice(socket, request.accept());
  });
}

async function listen(
  onConnection: (socket: Socket) => unknown,
  address: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
