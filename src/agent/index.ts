import { join } from 'node:path';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { createLeanTransport } from '#agent/api/lean-transport.ts';
import { createRememberingTransport } from '#agent/api/remembering-transport.ts';
import { SharedInformers } from '#agent/api/shared-informers.ts';
import {
  authorityOf,
  heldCertificate,
  type CertificateUse,
} from '#agent/certificates/held-certificates.ts';
import { startRenewal } from '#agent/certificates/renewal.ts';
import { startDns } from '#agent/dns/index.ts';
import { connectContainerRuntime } from '#agent/container-runtime/index.ts';
import { RuntimeOperations } from '#agent/container-runtime/operations.ts';
import { startKubelet } from '#agent/kubelet/index.ts';
import { startKubeletServer } from '#agent/kubelet/server/index.ts';
import { startKubeProxy } from '#agent/kube-proxy/index.ts';
import { startNetwork } from '#agent/network/index.ts';
import { startTunnel } from '#agent/tunnel/index.ts';
import { startLocalPath } from '#agent/volumes/local-path.ts';
import { readAgentSettings, type AgentSettings, type WatchingParts } from '#agent/settings.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { createHttpTransport } from '#shared/client/http-transport.ts';

export interface AgentOptions {
  /** The settings file. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** A part of the agent, started once; disposing ends it and leaves the node's pods as they are. */
type AgentPart = (parts: WatchingParts) => Promise<AsyncDisposable>;

/** In the order in which they start; they end in the opposite one. */
const agentParts: readonly AgentPart[] = [
  startTunnel,
  startKubeProxy,
  startDns,
  startLocalPath,
  startPods,
];

/** Starts all that makes this machine a node; disposing ends it and leaves the pods running. */
export async function startAgent({ file, clock, log }: AgentOptions): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const settings = await readAgentSettings(file);
  const { server } = settings;
  const api = createHttp2Exchange({ server, credentials: () => credentialsOf(settings), clock });
  started.use(api);
  const transport = createRememberingTransport({
    transport: createLeanTransport(createHttpTransport(api.exchange), settings.nodeName),
    folder: join(settings.folders.state, 'remembered'),
    clock,
    log,
  });
  started.use(transport);
  const cluster = createCluster(transport);
  const informers = started.use(new SharedInformers({ cluster, clock, log }));
  const parts = { settings, cluster, informers, clock, log };
  for (const start of agentParts) started.use(await start(parts));
  // Who calls the kubelet is shown a new one within half a day.
  const renewed = (use: CertificateUse): void => void (use === 'client' && api.renew());
  started.use(startRenewal({ ...parts, renewed }));
  return started.move();
}

/** The network of pods, the kubelet and its own API, over one connection to the container runtime. */
async function startPods(parts: WatchingParts): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const { settings, clock } = parts;
  const operations = new RuntimeOperations();
  const runtime = started.use(
    connectContainerRuntime(settings.runtimeEndpoint, { clock, operations }),
  );
  const network = started.use(await startNetwork(parts));
  const { directory: kubelet } = started.use(await startKubelet({ ...parts, runtime, network }));
  started.use(await startKubeletServer({ ...parts, kubelet, runtime, operations }));
  return started.move();
}

/** Read anew for each connection: they are renewed while the agent runs. */
function credentialsOf(settings: AgentSettings): { ca: string; cert: string; key: string } {
  const { certificate: cert, key } = heldCertificate(settings, 'client');
  return { ca: authorityOf(settings), cert, key };
}
