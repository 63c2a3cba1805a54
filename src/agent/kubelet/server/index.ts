import { Access } from './access.ts';
import { Authentication } from './caller.ts';
import { endpoints } from './endpoints.ts';
import { serveKubelet } from './listener.ts';
import { KubeletMetrics } from './metrics/kubelet.ts';
import { Routes } from './routes.ts';
import { serveHealth } from './health.ts';
import { authorityOf, heldCertificate } from '#agent/certificates/held-certificates.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import { RuntimeOperations } from '#agent/container-runtime/operations.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { AgentParts } from '#agent/settings.ts';

export interface KubeletServerOptions extends AgentParts {
  readonly kubelet: PodDirectory;
  readonly runtime: ContainerRuntime;
  /** What the runtime was asked, for the metrics. */
  readonly operations?: RuntimeOperations;
  /** 10250 unless stated; 0 takes any. */
  readonly port?: number;
  /** 10248 unless stated: health without a question, for this machine only. */
  readonly healthPort?: number;
}

export interface KubeletServer extends AsyncDisposable {
  readonly port: number;
}

const kubeletPort = 10_250;
const ownHealthPort = 10_248;

/**
 * The kubelet's own API over HTTPS: logs, terminals, forwarded ports, what runs and what it uses.
 * Callers show a certificate of the cluster's authority or a token; the API server says what they may.
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { settings, cluster, clock, log, kubelet, runtime } = options;
  const { nodeName } = settings;
  await using started = new AsyncDisposableStack();
  const { operations = new RuntimeOperations() } = options;
  const metrics = new KubeletMetrics({ nodeName, kubelet, operations, clock });
  const server = await serveKubelet({
    port: options.port ?? kubeletPort,
    tls: () => {
      const { certificate: cert, key } = heldCertificate(settings, 'serving');
      return { ca: authorityOf(settings), cert, key };
    },
    authentication: new Authentication({ cluster, clock }),
    access: new Access({ cluster, clock, nodeName }),
    routes: new Routes(endpoints({ settings, kubelet, runtime, metrics, clock })),
    metrics,
    clock,
    log: log.child({ component: 'kubelet-server' }),
  });
  started.use(server);
  started.use(await serveHealth(options.healthPort ?? ownHealthPort));
  const owned = started.move();
  return { port: server.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
