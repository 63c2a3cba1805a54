import type { RequestInfo } from '#main/control-plane/apiserver/request/request-info.ts';
import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';

/** Upstream's buckets of request durations, in seconds. */
const buckets = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45,
  60,
];

interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Of how many requests the newest durations are kept. */
const recentCount = 1024;

/** Counts requests as upstream names and labels them; written in Prometheus' text format. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #longRunning = new Map<string, number>();
  readonly #recent = new Float64Array(recentCount);
  #observed = 0;

  /** Of the newest requests over the network, in milliseconds; nothing where there were none. */
  recentP99Ms(): number | undefined {
    const newest = this.#recent.slice(0, Math.min(this.#observed, recentCount)).sort();
    return newest[Math.floor(0.99 * (newest.length - 1))];
  }

  observe(info: RequestInfo | undefined, code: number, elapsedMs: number): void {
    const labels = labelsOf(info);
    const request = `${labels},code="${code}"`;
    this.#requests.set(request, (this.#requests.get(request) ?? 0) + 1);
    if (info?.verb === 'watch') return;
    this.#recent[this.#observed++ % recentCount] = elapsedMs;
    let histogram = this.#durations.get(labels);
    if (!histogram) {
      histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 };
      this.#durations.set(labels, histogram);
    }
    const seconds = elapsedMs / 1000;
    histogram.sum += seconds;
    histogram.count++;
    const bucket = buckets.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) histogram.counts[bucket]!++;
  }

  /** Counts a watch until the function is called that it returns. */
  longRunning({ served, verb }: ResourceRequest): () => void {
    const { group, version, plural } = served.resource;
    const labels = `group="${group}",resource="${plural}",verb="${verb.toUpperCase()}",version="${version}"`;
    this.#longRunning.set(labels, (this.#longRunning.get(labels) ?? 0) + 1);
    return () => this.#longRunning.set(labels, this.#longRunning.get(labels)! - 1);
  }

  format(): string {
    const lines: string[] = [
      '# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, group, version, resource and HTTP response code.',
      '# TYPE apiserver_request_total counter',
    ];
    for (const [labels, count] of this.#requests) {
      lines.push(`apiserver_request_total{${labels}} ${count}`);
    }
    lines.push(
      '# HELP apiserver_request_duration_seconds [STABLE] Response latency distribution in seconds for each verb, group, version and resource.',
      '# TYPE apiserver_request_duration_seconds histogram',
    );
    for (const [labels, histogram] of this.#durations) lines.push(...formatted(labels, histogram));
    lines.push(
      '# HELP apiserver_longrunning_requests [STABLE] Gauge of all active long-running apiserver requests broken out by verb, group, version and resource.',
      '# TYPE apiserver_longrunning_requests gauge',
    );
    for (const [labels, count] of this.#longRunning) {
      lines.push(`apiserver_longrunning_requests{${labels}} ${count}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

function labelsOf(info: RequestInfo | undefined): string {
  if (!info?.isResourceRequest) return 'group="",resource="",subresource="",verb="GET",version=""';
  const { group, resource, subresource, verb, version } = info;
  return `group="${group}",resource="${resource}",subresource="${subresource}",verb="${verb.toUpperCase()}",version="${version}"`;
}

function* formatted(labels: string, { counts, sum, count }: Histogram): Iterable<string> {
  const name = 'apiserver_request_duration_seconds';
  let below = 0;
  for (const [index, limit] of buckets.entries()) {
    below += counts[index]!;
    yield `${name}_bucket{${labels},le="${limit}"} ${below}`;
  }
  yield `${name}_bucket{${labels},le="+Inf"} ${count}`;
  yield `${name}_sum{${labels}} ${sum}`;
  yield `${name}_count{${labels}} ${count}`;
}
