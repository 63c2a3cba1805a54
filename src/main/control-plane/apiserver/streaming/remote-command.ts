import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  callOver,
  isUpgraded,
  type HttpAnswer,
} from '#main/control-plane/apiserver/streaming/http-call.ts';
import { SpdyConnection } from '#main/control-plane/apiserver/streaming/spdy/connection.ts';
import type { SpdyStream } from '#main/control-plane/apiserver/streaming/spdy/stream.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

/** Which streams a command was asked to have. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A command on a node, by its streams. */
export interface RemoteCommand {
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
  /** How it ended: a Success, an exit code, or what went wrong. */
  readonly status: Promise<Status>;
  destroy(): void;
}

/** Newest first: the kubelet chooses. From v2 there is an error stream, from v3 resizing, from v4 a Status. */
const protocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
];

/** The kubelet refused to begin; the connection carries its answer. */
export interface Refusal {
  readonly refusal: HttpAnswer;
}

/** Asks the kubelet to begin a command whose streams go over SPDY. */
export async function beginCommand(
  connection: Duplex,
  { path, host }: { readonly path: string; readonly host: string },
  options: StreamOptions,
): Promise<RemoteCommand | Refusal> {
  const answer = await callOver(connection, {
    method: 'POST',
    path,
    headers: {
      host,
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': protocols,
      'content-length': '0',
    },
  });
  if (!isUpgraded(answer)) return { refusal: answer };
  const { socket, head, headers } = answer;
  const spdy = new SpdyConnection({ role: 'client', socket, head });
  const chosen = headers['x-stream-protocol-version'];
  try {
    return await openStreams(spdy, options, String(chosen ?? protocols.at(-1)));
  } catch (error) {
    spdy.destroy();
    throw error;
  }
}

async function openStreams(
  spdy: SpdyConnection,
  { stdin, stdout, stderr, tty }: StreamOptions,
  protocol: string,
): Promise<RemoteCommand> {
  const version = Number(/^v(\d+)\./.exec(protocol)?.[1] ?? 1);
  const open = (type: string): Promise<SpdyStream> => spdy.open({ streamtype: type });
  const openIf = async (isWanted: boolean, type: string): Promise<SpdyStream | undefined> =>
    isWanted ? open(type) : undefined;
  const error = await open('error');
  // Only the command writes here; ending our side tells it so.
  error.end();
  const status = statusFrom(error, version >= 4);
  status.catch(() => {}); // whoever waits for the command's end awaits it
  return {
    status,
    stdin: await openIf(stdin, 'stdin'),
    stdout: await openIf(stdout, 'stdout'),
    stderr: await openIf(stderr && !tty, 'stderr'),
    resize: await openIf(tty && version >= 3, 'resize'),
    destroy: () => spdy.destroy(),
  };
}

async function statusFrom(stream: SpdyStream, isStatus: boolean): Promise<Status> {
  const said = await text(stream);
  if (said === '') return success;
  if (!isStatus) return failure(`error executing remote command: ${said}`);
  const status = parseStatus(said);
  return status ?? failure(`error stream protocol error: unknown error: ${said}`);
}

const success = { metadata: {}, status: 'Success' } as Status;

function failure(message: string): Status {
  return new ApiError('InternalError', `Internal error occurred: ${message}`).toStatus();
}

/** What a client is told of a command that could not begin. */
export async function refusalStatus({ refusal }: Refusal): Promise<Status> {
  const said = await text(refusal.body);
  const status = parseStatus(said);
  if (status?.kind === 'Status') return status;
  return failure(`unable to upgrade connection: ${said.trim() || `status code ${refusal.code}`}`);
}

function parseStatus(text: string): Status | undefined {
  try {
    const value = JSON.parse(text) as Status | null;
    return typeof value === 'object' && value?.status !== undefined ? value : undefined;
  } catch {
    return undefined; // a sentence, not an object: the caller says it in its own
  }
}
