import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What a running cluster tells of itself. */
export interface RunningCluster {
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  readonly server: string;
  readonly kubeconfig: string;
  /** ISO 8601 */
  readonly startedAt: string;
}

export interface ControlHandlers {
  describe(): RunningCluster;
  /** Begins the end; the answer does not wait for it. */
  stop(): void;
}

type Question = 'status' | 'down';

/**
 * Answers `status` and `down` of other processes of the same user. Throws if somebody answers there
 * already: then this cluster is running.
 */
export async function serveControl(
  path: string,
  handlers: ControlHandlers,
): Promise<AsyncDisposable> {
  const address = addressOf(path);
  const other = await askControl(path, 'status');
  if (other)
    throw new Error(
      `Cannot start cluster ${other.name}: process ${other.pid} is running it already; stop that with "pilothouse down --name ${other.name}", or use another --name`,
    );
  await rm(address, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    createInterface(socket).once('line', (line) => {
      socket.end(`${JSON.stringify(handlers.describe())}\n`);
      if ((line as Question) === 'down') handlers.stop();
    });
  });
  await listen(server, address);
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What the cluster answers, or nothing when it is not running. */
export async function askControl(
  path: string,
  question: Question,
): Promise<RunningCluster | undefined> {
  const socket = connect(addressOf(path));
  const answer = Promise.withResolvers<RunningCluster | undefined>();
  socket.once('error', (error: NodeJS.ErrnoException) => {
    const isAbsent = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(error.code ?? '');
    if (isAbsent) answer.resolve(undefined);
    else answer.reject(new Error(`Cannot ask ${path}: ${error.message}`, { cause: error }));
  });
  socket.once('connect', () => socket.write(`${question}\n`));
  socket.once('close', () => answer.resolve(undefined));
  const lines = createInterface({ input: socket });
  lines.on('error', () => {}); // the socket's own error handler tells of it
  lines.once('line', (line) => answer.resolve(JSON.parse(line) as RunningCluster));
  try {
    return await answer.promise;
  } finally {
    socket.destroy();
  }
}

/** A socket's path may have about 100 letters, and Windows has pipes instead. */
function addressOf(path: string): string {
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 24);
  if (platform() === 'win32') return `\\\\.\\pipe\\pilothouse-${digest}`;
  return Buffer.byteLength(path) <= 100 ? path : join(tmpdir(), `pilothouse-${digest}.sock`);
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: address, readableAll: false, writableAll: false }, resolve);
  });
}
