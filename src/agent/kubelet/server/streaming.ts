import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import { text, type KubeletAnswer, type KubeletRequest } from './exchange.ts';

export interface StreamingOptions {
  readonly kubelet: PodDirectory;
  readonly runtime: ContainerRuntime;
}

type Answered = Promise<KubeletAnswer | undefined>;

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** A command in a container, by the runtime's streaming server. */
export async function exec(request: KubeletRequest, options: StreamingOptions): Answered {
  const streams = streamsOf(request);
  const container = place(request, options, streams);
  if ('code' in container) return container;
  const cmd = request.query.getAll('command');
  const { url } = await options.runtime.exec({ containerId: container.id, cmd, ...streams });
  return handOver(request, url);
}

/** The container's own process. */
export async function attach(request: KubeletRequest, options: StreamingOptions): Answered {
  const streams = streamsOf(request);
  const container = place(request, options, streams);
  if ('code' in container) return container;
  const { uid, name } = container;
  const spec = options.kubelet.pods().find((pod) => pod.metadata.uid === uid)?.spec;
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const tty = [...all, ...(spec?.ephemeralContainers ?? [])].find(
    (each) => each.name === name,
  )?.tty;
  const { url } = await options.runtime.attach({
    containerId: container.id,
    ...streams,
    tty: tty ?? false,
    stderr: streams.stderr && !tty,
  });
  return handOver(request, url);
}

/** Ports of a pod's sandbox. */
export async function portForward(request: KubeletRequest, options: StreamingOptions): Answered {
  const [namespace = '', name = '', uid] = request.parts;
  const ports = portsOf(request);
  if (typeof ports === 'string') return text(400, ports);
  const pod = options.kubelet.find(namespace, name, uid);
  if (!pod) return text(404, 'pod does not exist');
  const sandbox = options.kubelet.sandboxId(pod.metadata.uid);
  if (!sandbox) return text(500, `sandbox of pod ${name} not found`);
  const { url } = await options.runtime.portForward({ podSandboxId: sandbox, port: ports });
  return handOver(request, url);
}

/** A command whose output is the answer. */
export async function run(request: KubeletRequest, options: StreamingOptions): Answered {
  const container = place(request, options);
  if ('code' in container) return container;
  const command = request.query.get('cmd') ?? '';
  const { stdout, stderr, exitCode } = await options.runtime.execSync({
    containerId: container.id,
    cmd: command.split(' '),
  });
  const output = Buffer.concat([stdout, stderr]);
  if (exitCode === 0) return { code: 200, type: 'application/json', body: output };
  return text(500, `command '${command}' exited with ${exitCode}: ${output.toString()}`);
}

function streamsOf({ query }: KubeletRequest): Streams {
  const has = (name: string): boolean => query.get(name) === '1';
  const tty = has('tty');
  // A terminal has one output.
  return { stdin: has('input'), stdout: has('output'), stderr: has('error') && !tty, tty };
}

interface Place {
  readonly id: string;
  readonly uid: string;
  readonly name: string;
}

/** The container that the path names, or what upstream answers when there is none. */
function place(
  { parts }: KubeletRequest,
  { kubelet }: StreamingOptions,
  streams?: Streams,
): Place | KubeletAnswer {
  if (streams && !streams.stdin && !streams.stdout && !streams.stderr) {
    return text(400, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  const [namespace = '', podName = ''] = parts;
  const name = parts.at(-1)!;
  const pod = kubelet.find(namespace, podName, parts.length > 3 ? parts[2] : undefined);
  if (!pod) return text(404, 'pod does not exist');
  const uid = pod.metadata.uid;
  const container = kubelet.container(uid, name);
  if (!container) return text(500, `container not found (${JSON.stringify(name)})`);
  return { id: container.id, uid, name };
}

/** Only WebSockets say beforehand which ports they mean; the sentence says what is wrong. */
function portsOf({ query, incoming }: KubeletRequest): number[] | string {
  if (incoming.headers.upgrade?.toLowerCase() !== 'websocket') return [];
  const given = query.getAll('port').flatMap((each) => each.split(','));
  if (given.length === 0) return 'query parameter "port" is required';
  const ports = given.map(Number);
  const wrong = ports.findIndex((port) => !Number.isInteger(port) || port < 1 || port > 65_535);
  return wrong < 0 ? ports : `unable to parse ${JSON.stringify(given[wrong])} as a port`;
}

/** Lets client and runtime speak with each other. */
function handOver(request: KubeletRequest, location: string): KubeletAnswer | undefined {
  const { upgrade, incoming, method, signal } = request;
  if (!upgrade) return text(500, 'Upgrade request required\n');
  const { socket, head } = upgrade;
  const url = new URL(location);
  const backend = connect({ host: url.hostname.replaceAll(/[[\]]/g, ''), port: Number(url.port) });
  backend.setNoDelay(true);
  backend.write(requestHead(method, url, incoming.rawHeaders));
  if (head.length > 0) backend.write(head);
  join(socket, backend);
  join(backend, socket);
  signal.addEventListener('abort', () => backend.destroy(), { once: true });
  return undefined;
}

/** The request as it came, but for what was between client and kubelet. */
function requestHead(method: string, url: URL, rawHeaders: readonly string[]): string {
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (/^(host|authorization)$/i.test(name)) continue;
    lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function join(from: Duplex, to: Duplex): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.once('close', () => to.destroy());
}
