import { kubeletConfiguration } from './configz.ts';
import { json, text, type Handler, type KubeletAnswer } from './exchange.ts';
import { containerLogs } from './logs/container-logs.ts';
import { nodeLogs } from './logs/node-logs.ts';
import { cadvisorMetrics } from './metrics/cadvisor.ts';
import type { KubeletMetrics } from './metrics/kubelet.ts';
import { resourceMetrics } from './metrics/resource.ts';
import type { Route } from './routes.ts';
import { runningPods } from './running-pods.ts';
import { Stats } from './stats/summary.ts';
import { attach, exec, portForward, run } from './streaming.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { AgentSettings } from '#agent/settings.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface EndpointsOptions {
  readonly settings: AgentSettings;
  readonly kubelet: PodDirectory;
  readonly runtime: ContainerRuntime;
  readonly metrics: KubeletMetrics;
  readonly clock: Clock;
}

const read = ['GET'];
const both = ['GET', 'POST'];
const post = ['POST'];
const healthy = (): KubeletAnswer => text(200, 'ok');

/** Everything that the kubelet serves, by path, as upstream's does. */
export function endpoints(options: EndpointsOptions): readonly Route[] {
  const { settings, kubelet, runtime, metrics, clock } = options;
  const { nodeName, folders } = settings;
  const stats = new Stats({ nodeName, folder: folders.kubelet, kubelet, runtime, clock });
  const route = (path: string, handler: Handler, methods = read): Route => ({
    path,
    methods,
    handler,
  });
  return [
    ...['', '/ping', '/log', '/syncloop'].map((path) => route(`/healthz${path}`, healthy)),
    route('/pods', () => podList(kubelet)),
    route('/runningpods/', async () => json(await runningPods(runtime))),
    route('/stats/summary', async ({ query }) => {
      const onlyCpuAndMemory = query.get('only_cpu_and_memory') === 'true';
      return json(await stats.summary({ onlyCpuAndMemory }));
    }),
    route('/metrics', () => metrics.answer()),
    route('/metrics/probes', () => metrics.bare()),
    route('/metrics/slis', () => metrics.bare()),
    route('/metrics/resource', async () =>
      resourceMetrics(await stats.summary({ onlyCpuAndMemory: true })),
    ),
    route('/metrics/cadvisor', async () => cadvisorMetrics(await stats.summary())),
    route('/configz', () => json({ kubeletconfig: kubeletConfiguration(settings) })),
    route('/statusz', () => text(200, page('statusz'))),
    route('/flagz', () => text(200, page('flagz'))),
    route('/logs/*', nodeLogs),
    route('/containerLogs/:namespace/:pod/:container', (request) =>
      containerLogs(request, { kubelet, clock }),
    ),
    ...withUid('/exec/:namespace/:pod', '/:container', (request) => exec(request, options), both),
    ...withUid(
      '/attach/:namespace/:pod',
      '/:container',
      (request) => attach(request, options),
      both,
    ),
    ...withUid(
      '/portForward/:namespace/:pod',
      '',
      (request) => portForward(request, options),
      both,
    ),
    ...withUid('/run/:namespace/:pod', '/:container', (request) => run(request, options), post),
    route('/checkpoint/:namespace/:pod/:container', checkpoint, post),
    route('/debug/flags/v', () => ({
      code: 406,
      type: 'text/plain',
      body: 'unsupported http method\n',
    })),
  ];
}

/** Where a path may name the pod's uid, too. */
function withUid(
  before: string,
  after: string,
  handler: Handler,
  methods: readonly string[],
): readonly Route[] {
  return [
    { path: before + after, handler, methods },
    { path: `${before}/:uid${after}`, handler, methods },
  ];
}

function podList(kubelet: PodDirectory): KubeletAnswer {
  return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: kubelet.pods() });
}

function page(what: string): string {
  return `\nkubelet ${what}\nWarning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.\n`;
}

function checkpoint(): KubeletAnswer {
  return text(500, 'checkpointing of containers is not supported by this kubelet');
}
