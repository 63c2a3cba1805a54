import type { RequestListener } from 'node:http';
import type { Clock } from '#shared/base/clock.ts';
import type { Node } from '#shared/api/types/core-v1.ts';

/** A change may wait this long before the proxy counts as stuck: twice upstream's sync period. */
const longestWaitMs = 60_000;
const leavingTaint = 'ToBeDeletedByClusterAutoscaler';

/** Whether the proxy keeps up, and whether load balancers should still send traffic to its node. */
export class ProxyHealth {
  readonly #clock: Clock;
  #updatedAt: number;
  #waitingSince: number | undefined;
  #isEligible = true;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#updatedAt = clock.now();
  }

  get isHealthy(): boolean {
    const since = this.#waitingSince;
    return since === undefined || this.#clock.elapsed() - since < longestWaitMs;
  }

  changed(): void {
    this.#waitingSince ??= this.#clock.elapsed();
  }

  updated(): void {
    this.#waitingSince = undefined;
    this.#updatedAt = this.#clock.now();
  }

  observeNode(node: Node | undefined): void {
    const taints = node?.spec.taints ?? [];
    this.#isEligible =
      !node?.metadata.deletionTimestamp && !taints.some(({ key }) => key === leavingTaint);
  }

  /** `/healthz` for load balancers, `/livez` for whoever restarts the proxy. */
  readonly answer: RequestListener = ({ url = '/' }, response) => {
    const path = url.split('?')[0];
    if (path !== '/healthz' && path !== '/livez') {
      response.writeHead(404).end('404 page not found\n');
      return;
    }
    const isFine = this.isHealthy && (path === '/livez' || this.#isEligible);
    const now = this.#clock.now();
    const times = {
      lastUpdated: new Date(this.isHealthy ? now : this.#updatedAt).toISOString(),
      currentTime: new Date(now).toISOString(),
    };
    const headers = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };
    response
      .writeHead(isFine ? 200 : 503, headers)
      .end(JSON.stringify({ ...times, nodeEligible: this.#isEligible }));
  };
}
