import { exposition, type Metric } from './exposition.ts';
import { runtimeMetrics } from './runtime.ts';
import type { RuntimeOperations } from '#agent/container-runtime/operations.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import type { KubeletAnswer } from '#agent/kubelet/server/exchange.ts';
import type { Clock } from '#shared/base/clock.ts';

/** What the kubelet counts about itself. */
export class KubeletMetrics {
  readonly #nodeName: string;
  readonly #kubelet: PodDirectory;
  readonly #operations: RuntimeOperations;
  readonly #startedAt: number;
  readonly #requests = new Map<string, number>();

  constructor(options: {
    readonly nodeName: string;
    readonly kubelet: PodDirectory;
    readonly operations: RuntimeOperations;
    readonly clock: Clock;
  }) {
    this.#nodeName = options.nodeName;
    this.#kubelet = options.kubelet;
    this.#operations = options.operations;
    this.#startedAt = options.clock.now();
  }

  /** A request by method and the first part of its path. */
  count(method: string, path: string): void {
    const key = JSON.stringify([method, path.split('/')[1] ?? '']);
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
  }

  /** `/metrics` */
  answer(): KubeletAnswer {
    const pods = this.#kubelet.pods();
    const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
    const gauge = (name: string, help: string, value: number): Metric => ({
      name,
      help,
      type: 'gauge',
      samples: [{ value }],
    });
    const running = containers.filter(({ state }) => state?.running).length;
    const exited = containers.filter(({ state }) => state?.terminated).length;
    return exposition([
      {
        name: 'kubelet_http_requests_total',
        help: '[ALPHA] Number of the http requests received since the server started',
        type: 'counter',
        samples: [...this.#requests].map(([key, value]) => {
          const [method = '', path = ''] = JSON.parse(key) as string[];
          return {
            labels: { long_running: 'false', method, path, server_type: 'readwrite' },
            value,
          };
        }),
      },
      {
        name: 'kubelet_node_name',
        help: "[ALPHA] The node's name. The count is always 1.",
        type: 'gauge',
        samples: [{ labels: { node: this.#nodeName }, value: 1 }],
      },
      {
        name: 'kubelet_running_containers',
        help: '[ALPHA] Number of containers currently running',
        type: 'gauge',
        samples: [
          { labels: { container_state: 'running' }, value: running },
          { labels: { container_state: 'exited' }, value: exited },
        ],
      },
      gauge(
        'kubelet_running_pods',
        '[ALPHA] Number of pods that have a running pod sandbox',
        pods.filter(({ status }) => status?.phase === 'Running').length,
      ),
      ...runtimeMetrics(this.#operations.all()),
      this.#started(),
    ]);
  }

  /** `/metrics/probes`, `/metrics/slis`: what others would add to is not counted here. */
  bare(): KubeletAnswer {
    return exposition([this.#started()]);
  }

  #started(): Metric {
    return {
      name: 'process_start_time_seconds',
      help: '[ALPHA] Start time of the process since unix epoch in seconds.',
      type: 'gauge',
      samples: [{ value: this.#startedAt / 1000 }],
    };
  }
}
