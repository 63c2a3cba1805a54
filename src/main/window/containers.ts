import type { WebSocket } from 'ws';
import { openWebSocket, readText } from '#main/clusters/api-streams.ts';
import type { ServerAccess } from '#main/clusters/https-transport.ts';
import { toldAgain, type ChangingList } from '#main/window/told-again.ts';
import { Channel } from '#shared/base/channel.ts';
import type {
  containerOperations,
  ForwardTarget,
  PortForward,
  TerminalOutput,
} from '#shared/contract/containers.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface ContainerServices {
  readonly access: ServerAccess;
  readonly forwards: ChangingList<PortForward> & {
    start(target: ForwardTarget, port: number, localPort?: number): Promise<PortForward>;
    stop(id: string): Promise<void>;
  };
}

/** The channels of `v5.channel.k8s.io`: the first byte of every message. */
const channels = { input: 0, output: 1, errors: 2, status: 3, resize: 4 } as const;
const protocol = 'v5.channel.k8s.io';

/** Answers what the window asks of what runs in pods. */
export function containerHandlers({
  access,
  forwards,
}: ContainerServices): Handlers<typeof containerOperations> {
  const terminals = new Map<string, WebSocket>();
  const terminal = (id: string): WebSocket => {
    const found = terminals.get(id);
    if (found) return found;
    throw new ApiError('NotFound', 'This terminal is not open any more; open another one');
  };
  return {
    containerLog: (input, { signal }) => readText(access, logPath(input), signal),
    terminal: (input, { signal }) => runTerminal(input, { access, terminals, signal }),
    typeIntoTerminal({ id, text }) {
      send(terminal(id), channels.input, text);
      return null;
    },
    resizeTerminal({ id, columns, rows }) {
      resize(terminal(id), columns, rows);
      return null;
    },
    portForwards: (_input, { signal }) => toldAgain(forwards, signal),
    startPortForward: ({ target, port, localPort }) => forwards.start(target, port, localPort),
    async stopPortForward({ id }) {
      await forwards.stop(id);
      return null;
    },
  };
}

type LogInput = Parameters<Handlers<typeof containerOperations>['containerLog']>[0];
type TerminalInput = Parameters<Handlers<typeof containerOperations>['terminal']>[0];

function podPath({ namespace, pod }: { readonly namespace: string; readonly pod: string }): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
}

function logPath(input: LogInput): string {
  const { container, follow, previous = false, tailLines, sinceTime } = input;
  const query = new URLSearchParams({
    container,
    timestamps: 'true',
    ...(follow && { follow: 'true' }),
    ...(previous && { previous: 'true' }),
    ...(tailLines !== undefined && { tailLines: String(tailLines) }),
    ...(sinceTime !== undefined && { sinceTime }),
  });
  return `${podPath(input)}/log?${query}`;
}

interface TerminalContext {
  readonly access: ServerAccess;
  readonly terminals: Map<string, WebSocket>;
  readonly signal: AbortSignal;
}

async function* runTerminal(
  input: TerminalInput,
  { access, terminals, signal }: TerminalContext,
): AsyncGenerator<TerminalOutput, void> {
  const { id, container, command, columns, rows } = input;
  if (terminals.has(id)) throw new ApiError('BadRequest', 'A terminal of this id is open already');
  const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', tty: 'true' });
  for (const word of command) query.append('command', word);
  const socket = await openWebSocket(access, `${podPath(input)}/exec?${query}`, protocol);
  const output = new Channel<TerminalOutput>();
  const close = (): void => socket.terminate();
  signal.addEventListener('abort', close, { once: true });
  terminals.set(id, socket);
  const decoder = new TextDecoder();
  socket.on('message', (message: Buffer) => receive(message, { output, decoder }));
  socket.on('error', (error) => output.push({ type: 'ended', why: error.message }));
  socket.on('close', () => output.end());
  try {
    resize(socket, columns, rows);
    yield { type: 'open' };
    yield* output;
  } finally {
    signal.removeEventListener('abort', close);
    terminals.delete(id);
    socket.terminate();
  }
}

function receive(
  message: Buffer,
  { output, decoder }: { readonly output: Channel<TerminalOutput>; readonly decoder: TextDecoder },
): void {
  const [channel] = message;
  const body = message.subarray(1);
  if (channel === channels.output || channel === channels.errors) {
    const text = decoder.decode(body, { stream: true });
    if (text) output.push({ type: 'output', text });
  } else if (channel === channels.status) output.push(endOf(body.toString()));
}

interface CommandStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

function endOf(text: string): TerminalOutput {
  try {
    const { status, message = '', details } = JSON.parse(text) as CommandStatus;
    if (status === 'Success') return { type: 'ended', code: 0 };
    const cause = details?.causes?.find(({ reason }) => reason === 'ExitCode');
    if (cause?.message !== undefined) return { type: 'ended', code: Number(cause.message) };
    return { type: 'ended', why: message };
  } catch {
    return { type: 'ended', why: text };
  }
}

function send(socket: WebSocket, channel: number, text: string): void {
  socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));
}

function resize(socket: WebSocket, columns: number, rows: number): void {
  send(socket, channels.resize, JSON.stringify({ Width: columns, Height: rows }));
}
