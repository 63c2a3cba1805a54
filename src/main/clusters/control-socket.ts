import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NodeDrain } from '#shared/contract/drains.ts';
import type { Restoration } from '#shared/contract/snapshots.ts';

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

export interface SavedSnapshot {
  readonly path: string;
  readonly revision: number;
  readonly bytes: number;
}

export interface ControlHandlers {
  describe(): RunningCluster;
  /** Begins the end; the answer does not wait for it. */
  stop(): void;
  /** Into the cluster's own folder unless a file is named. */
  saveSnapshot(file: string | undefined): Promise<SavedSnapshot>;
  /** Adds so many simulated nodes; resolves to their names. */
  addSimulated(count: number): Promise<readonly string[]>;
  /** Throws while the cluster is starting. */
  nodes(): NodeHandlers;
  /** Resolves once the node's pods have gone. Unless forced, refuses to end what nothing starts again. */
  drain(node: string, asker: DrainAsker): Promise<void>;
  /** Resolves once the running cluster has the file's state, or could not be given it. */
  restore(file: string, asker: Asker<Restoration>): Promise<Restoration>;
}

/** Who waits for something that takes a while. */
export interface Asker<Progress> {
  tell(progress: Progress): void;
  /** Aborted when nobody waits any longer. */
  readonly signal: AbortSignal;
}

export interface DrainAsker extends Asker<DrainNews> {
  readonly force: boolean;
}

/** How far a drain is; first, once, what kubectl would warn of. */
export type DrainNews =
  | { readonly warning: string }
  | Pick<NodeDrain, 'gone' | 'total' | 'waitsFor'>;

/** A machine that was added as a node, as the running cluster sees it. */
export interface LinkedNode {
  readonly name: string;
  /** `ssh://user@host:port`, or `local`. */
  readonly machine: string;
  readonly tunnel: string;
  /** Why there is no tunnel, or why the node is not ready. */
  readonly why?: string;
  /** Of its Node: nothing until the node has registered. */
  readonly ready?: boolean;
}

/** What is asked about nodes; each needs a cluster that is running. */
export interface NodeHandlers {
  list(): Promise<readonly LinkedNode[]>;
  /** Opens the tunnel to a machine whose record has just been written. */
  link(name: string): Promise<void>;
  /** Closes the tunnel and deletes the Node. */
  unlink(name: string): Promise<void>;
  /** Into the runtimes of one node or all; resolves to what each said. */
  loadImage(file: string, node: string | undefined): Promise<readonly LoadedImage[]>;
}

export interface LoadedImage {
  readonly node: string;
  readonly images: string;
}

type Question =
  | { readonly type: 'status' }
  | { readonly type: 'down' }
  | { readonly type: 'snapshot'; readonly file?: string }
  | { readonly type: 'nodes' }
  | { readonly type: 'simulate'; readonly count: number }
  | { readonly type: 'link'; readonly node: string }
  | { readonly type: 'unlink'; readonly node: string }
  | { readonly type: 'image'; readonly file: string; readonly node?: string }
  | { readonly type: 'drain'; readonly node: string; readonly force: boolean }
  | { readonly type: 'restore'; readonly file: string };

/** What is told on the way to an answer. */
interface Progress {
  readonly drain: DrainNews;
  readonly restore: Restoration;
}

interface Answers {
  readonly status: RunningCluster;
  readonly down: RunningCluster;
  readonly snapshot: SavedSnapshot;
  readonly nodes: readonly LinkedNode[];
  readonly simulate: readonly string[];
  readonly link: true;
  readonly unlink: true;
  readonly image: readonly LoadedImage[];
  readonly drain: true;
  readonly restore: Restoration;
}

/**
 * Answers the commands that other processes of the same user send. Throws if somebody answers
 * there already: then this cluster is running.
 */
export async function serveControl(
  path: string,
  handlers: ControlHandlers,
): Promise<AsyncDisposable> {
  const address = addressOf(path);
  const other = await askControl(path, { type: 'status' });
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
    const asker = askerAt(socket);
    createInterface(socket).once('line', (line) => {
      void answerTo(line, handlers, asker).then(({ isLast, ...answer }) => {
        const text = `${JSON.stringify(answer)}\n`;
        // Who asked for the end hears of it by the connection's own end.
        if (isLast) socket.write(text, () => handlers.stop());
        else socket.end(text);
        return undefined;
      });
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

function askerAt(socket: Socket): Asker<unknown> {
  const left = new AbortController();
  socket.once('close', () => left.abort(new Error('Whoever asked for it has left')));
  const tell = (progress: unknown): void => void socket.write(`${JSON.stringify({ progress })}\n`);
  return { tell, signal: left.signal };
}

interface Reply {
  readonly answer?: unknown;
  readonly error?: string;
  readonly isLast?: boolean;
}

async function answerTo(
  line: string,
  handlers: ControlHandlers,
  asker: Asker<unknown>,
): Promise<Reply> {
  try {
    const question = JSON.parse(line) as Question;
    return await answerOf(question, handlers, asker);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

async function answerOf(
  question: Question,
  handlers: ControlHandlers,
  asker: Asker<unknown>,
): Promise<Reply> {
  switch (question.type) {
    case 'snapshot':
      return { answer: await handlers.saveSnapshot(question.file) };
    case 'nodes':
      return { answer: await handlers.nodes().list() };
    case 'simulate':
      return { answer: await handlers.addSimulated(question.count) };
    case 'link':
      await handlers.nodes().link(question.node);
      return { answer: true };
    case 'unlink':
      await handlers.nodes().unlink(question.node);
      return { answer: true };
    case 'image':
      return { answer: await handlers.nodes().loadImage(question.file, question.node) };
    case 'drain':
      await handlers.drain(question.node, { ...asker, force: question.force });
      return { answer: true };
    case 'restore':
      return { answer: await handlers.restore(question.file, asker) };
    case 'status':
    case 'down':
      break;
  }
  return { answer: handlers.describe(), isLast: question.type === 'down' };
}

export interface AskOptions<Progress> {
  onProgress?(progress: Progress): void;
  /** Aborting leaves: what goes on only for the one who asked ends. */
  readonly signal?: AbortSignal;
}

interface Said<Answer> {
  readonly answer?: Answer;
  readonly error?: string;
  readonly progress?: unknown;
}

/**
 * What the cluster answers, or nothing when it is not running; to `down`, once it has ended. Throws
 * what it could not do.
 */
export async function askControl<Q extends Question>(
  path: string,
  question: Q,
  {
    onProgress,
    signal,
  }: AskOptions<Q['type'] extends keyof Progress ? Progress[Q['type']] : never> = {},
): Promise<Answers[Q['type']] | undefined> {
  const socket = connect(addressOf(path));
  const answered = Promise.withResolvers<Said<Answers[Q['type']]> | undefined>();
  socket.once('error', (error: NodeJS.ErrnoException) => {
    const isAbsent = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(error.code ?? '');
    if (isAbsent) answered.resolve(undefined);
    else answered.reject(new Error(`Cannot ask ${path}: ${error.message}`, { cause: error }));
  });
  socket.once('connect', () => socket.write(`${JSON.stringify(question)}\n`));
  const closed = Promise.withResolvers<void>();
  socket.once('close', () => {
    answered.resolve(undefined);
    closed.resolve();
  });
  const lines = createInterface({ input: socket });
  lines.on('error', () => {}); // the socket's own error handler tells of it
  lines.on('line', (line) => {
    const said = JSON.parse(line) as Said<Answers[Q['type']]>;
    if (said.progress === undefined) answered.resolve(said);
    else onProgress?.(said.progress as Parameters<NonNullable<typeof onProgress>>[0]);
  });
  const leave = (): void => answered.reject(signal?.reason as Error);
  signal?.addEventListener('abort', leave, { once: true });
  try {
    const said = await answered.promise;
    if (said === undefined) return undefined;
    const { answer, error } = said;
    if (error !== undefined) throw new Error(error);
    if (question.type === 'down') await closed.promise;
    return answer;
  } finally {
    signal?.removeEventListener('abort', leave);
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
