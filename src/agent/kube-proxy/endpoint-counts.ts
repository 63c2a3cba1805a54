import type { RequestListener } from 'node:http';
import { serveHttp } from '#agent/kube-proxy/http.ts';
import type { Log } from '#shared/base/log.ts';
import { parseKey } from '#shared/kube/object.ts';

/** A service whose load balancer asks on `port` how many endpoints this node has. */
export interface CountedService {
  readonly service: string;
  readonly port: number;
  readonly localEndpoints: number;
}

/** Answers load balancers on `healthCheckNodePort`s. */
export class EndpointCounts implements AsyncDisposable {
  readonly #isProxyHealthy: () => boolean;
  readonly #log: Log;
  readonly #counted = new Map<string, CountedService>();
  readonly #servers = new Map<
    string,
    { readonly port: number; readonly server: AsyncDisposable }
  >();

  constructor({ isProxyHealthy, log }: { isProxyHealthy: () => boolean; log: Log }) {
    this.#isProxyHealthy = isProxyHealthy;
    this.#log = log;
  }

  /** Takes note of the service's count; `undefined` means that nobody asks for it any more. */
  async update(service: string, counted: CountedService | undefined): Promise<void> {
    if (counted) this.#counted.set(service, counted);
    else this.#counted.delete(service);
    const running = this.#servers.get(service);
    if (running?.port === counted?.port) return;
    if (running) {
      this.#servers.delete(service);
      await running.server[Symbol.asyncDispose]();
    }
    if (!counted) return;
    const { port } = counted;
    try {
      this.#servers.set(service, { port, server: await serveHttp(port, this.#answer(service)) });
    } catch (error) {
      this.#log.error('Cannot answer health checks of a load balancer; free the port', {
        service,
        port,
        error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#servers.values()];
    this.#servers.clear();
    await Promise.all(all.map(({ server }) => server[Symbol.asyncDispose]()));
  }

  /** The body has upstream's layout, whitespace included. */
  #answer(service: string): RequestListener {
    const { namespace, name } = parseKey(service);
    return (_request, response) => {
      const localEndpoints = this.#counted.get(service)?.localEndpoints ?? 0;
      const isHealthy = this.#isProxyHealthy();
      const said = {
        service: { namespace, name },
        localEndpoints,
        serviceProxyHealthy: isHealthy,
      };
      const body = JSON.stringify(said, undefined, '\t');
      response
        .writeHead(localEndpoints > 0 && isHealthy ? 200 : 503, {
          'Content-Type': 'application/json',
          'X-Content-Type-Options': 'nosniff',
          'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
          'Content-Length': body.length,
        })
        .end(body);
    };
  }
}
