import { Aggregator } from '#main/control-plane/apiserver/aggregation/aggregator.ts';
import type { ProxyCredentials } from '#main/control-plane/apiserver/aggregation/connection.ts';
import { registerCustomGroups } from '#main/control-plane/apiserver/aggregation/register.ts';
import type { OpenApi } from '#main/control-plane/apiserver/openapi/openapi.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';

export interface Aggregation extends AsyncDisposable {
  readonly aggregator: Aggregator;
}

export interface AggregationOptions {
  readonly core: Core;
  readonly credentials: ProxyCredentials;
  readonly openApi: OpenApi;
  /** Discovery is another from now on. */
  changed(): void;
}

/** Makes one API of this server's and of those that APIServices lead to. */
export function startAggregation(options: AggregationOptions): Aggregation {
  const { core, credentials, openApi, changed } = options;
  const stack = new AsyncDisposableStack();
  const aggregator = stack.use(
    new Aggregator({ core, link: { services: core.services, credentials } }),
  );
  stack.use(
    aggregator.subscribe(() => {
      changed();
      openApi.setForeign(aggregator.discovered());
    }),
  );
  stack.use(registerCustomGroups(core));
  return { aggregator, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
