import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { DialOptions, NodeDialer } from '#main/control-plane/node-dialer.ts';
import type { Clock } from '#shared/base/clock.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { ApiError, notFound } from '#shared/kube/errors.ts';

/** PEM of what the server shows to kubelets, and of who vouches for theirs. */
export interface KubeletCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface WayToNodesOptions {
  readonly objects: () => ObjectCache | undefined;
  readonly dialer: NodeDialer;
  readonly clock: Clock;
  /** Asked for each connection: certificates are renewed while the server runs. */
  readonly credentials: () => Promise<KubeletCredentials>;
}

const simulatedLabel = 'pilothouse.dev/simulated';
const defaultKubeletPort = 10_250;
const handshakeTimeoutMs = 10_000;

/** The way to kubelets and pods. Simulated nodes have none, and say so. */
export function createWayToNodes(options: WayToNodesOptions): NodeConnector {
  const { dialer, clock } = options;
  const known = (name: string): Node | undefined => {
    const node = options.objects()?.get(nodes, { name });
    if (node?.metadata.labels?.[simulatedLabel] !== 'true') return node;
    throw new ApiError(
      'BadRequest',
      `Cannot look into pods on node ${name}: it is simulated and runs no containers; use a real node for logs and terminals`,
    );
  };
  return {
    async dial(name, target, more) {
      known(name);
      return dialer.dial(name, target, more);
    },
    async dialKubelet(name, more = {}) {
      const node = known(name);
      if (!node) throw notFound(nodes, name);
      const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || defaultKubeletPort;
      const socket = await dialer.dial(name, { host: '127.0.0.1', port }, more);
      return encrypted(socket, node, await options.credentials(), { clock, ...more });
    },
  };
}

/** TLS over the stream; throws `ServiceUnavailable` if the other side is not that node. */
function encrypted(
  socket: Duplex,
  node: Node,
  { authority, certificate, key }: KubeletCredentials,
  { clock, signal }: DialOptions & { readonly clock: Clock },
): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const secure = connect({
    socket,
    ca: authority,
    cert: certificate,
    key,
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity: (_host, shown) => identityProblem(node, shown),
  });
  const settle = (): void => {
    deadline[Symbol.dispose]();
    signal?.removeEventListener('abort', abort);
  };
  const fail = (error: Error): void => {
    settle();
    secure.destroy();
    socket.destroy();
    reject(error);
  };
  const refused = (cause: Error): void => {
    const message = `Cannot reach the kubelet of node ${node.metadata.name}: ${cause.message}`;
    fail(new ApiError('ServiceUnavailable', message, { cause }));
  };
  const abort = (): void => fail(signal?.reason as Error);
  const late = new Error('TLS handshake timeout');
  const deadline = clock.after(handshakeTimeoutMs, () => refused(late));
  signal?.addEventListener('abort', abort, { once: true });
  secure.once('error', refused);
  secure.once('secureConnect', () => {
    settle();
    secure.off('error', refused);
    resolve(secure);
  });
  return promise;
}

/** The certificate has to name the node or one of its addresses. */
function identityProblem({ metadata, status }: Node, shown: PeerCertificate): Error | undefined {
  const names = [metadata.name, ...(status?.addresses ?? []).map(({ address }) => address)];
  if (names.some((name) => checkServerIdentity(name, shown) === undefined)) return undefined;
  return new Error(
    `its certificate is for ${shown.subjectaltname ?? 'nobody'}, not for ${names.join(', ')}`,
  );
}
