import {
  startAggregation,
  type Aggregation,
} from '#main/control-plane/apiserver/aggregation/index.ts';
import type { ProxyCredentials } from '#main/control-plane/apiserver/aggregation/connection.ts';
import { AdmissionChain } from '#main/control-plane/apiserver/admission-chain.ts';
import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import { publishCustomKinds } from '#main/control-plane/apiserver/custom-resources/publish.ts';
import { CustomResources } from '#main/control-plane/apiserver/custom-resources/registry.ts';
import { Gate } from '#main/control-plane/apiserver/gate.ts';
import type { DisposableDiscovery } from '#main/control-plane/apiserver/http/discovery-paths.ts';
import { HttpServer } from '#main/control-plane/apiserver/http/server.ts';
import {
  listen,
  type Listener,
  type ListenOptions,
} from '#main/control-plane/apiserver/http/listener.ts';
import { Metrics } from '#main/control-plane/apiserver/http/metrics.ts';
import { addOpenApi } from '#main/control-plane/apiserver/http/openapi-paths.ts';
import { PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import {
  addServerPaths,
  type ServerPathsOptions,
  type VersionInfo,
} from '#main/control-plane/apiserver/http/server-paths.ts';
import { createInProcessTransport } from '#main/control-plane/apiserver/in-process.ts';
import { readDescriptions } from '#main/control-plane/apiserver/openapi/descriptions.ts';
import { OpenApi } from '#main/control-plane/apiserver/openapi/openapi.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { createServiceDialer } from '#main/control-plane/apiserver/service-dialer.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { builtInResources } from '#main/control-plane/apiserver/registry/built-in.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { createFieldOwnership } from '#main/control-plane/apiserver/registry/managed-fields.ts';
import { decodeStored } from '#main/control-plane/apiserver/registry/stored-value.ts';
import { ClusterIps } from '#main/control-plane/apiserver/registry/service/cluster-ips.ts';
import {
  NodePorts,
  type PortRange,
} from '#main/control-plane/apiserver/registry/service/node-ports.ts';
import type { Component } from '#main/control-plane/apiserver/registry/component-status/rest.ts';
import { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import type { Security, SecurityContext } from '#main/control-plane/apiserver/security.ts';
import { Lister } from '#main/control-plane/apiserver/storage/lister.ts';
import { ObjectStore } from '#main/control-plane/apiserver/storage/object-store.ts';
import { objectCacheOf, WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import type { Store } from '#main/control-plane/etcd/store.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { services } from '#shared/api/core/service.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { TableTransport, Transport } from '#shared/client/transport.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface ApiServerOptions {
  /** Stays the caller's: it outlives the server. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly resources: readonly Resource[];
  readonly version: VersionInfo;
  /** CIDRs of the services' addresses, the primary family's first. */
  readonly serviceRanges: readonly string[];
  /** 30000 to 32767 unless stated. */
  readonly nodePorts?: PortRange;
  /** Made with the server's own caches, which fill when it starts. */
  security(context: SecurityContext): Security;
  /** For componentstatuses, besides the store. */
  readonly components?: readonly Component[];
  /** Shown to other API servers that requests are passed on to; absent: none are. */
  readonly aggregation?: ProxyCredentials;
  /** The way to nodes; absent: logs and terminals are refused with a clear error. */
  readonly nodes?: NodeConnector;
}

export interface ApiServer extends AsyncDisposable {
  /** The API for one identity within the process; `manager` stands in managedFields. */
  transportFor(user: UserInfo, options?: { readonly manager?: string }): TableTransport;
  clusterFor(user: UserInfo, options?: { readonly manager?: string }): Cluster;
  /** How long the newest requests over the network took; nothing where there were none. */
  recentP99Ms(): number | undefined;
  /** Serves HTTPS until the listener is disposed; disposing the server ends it too. */
  listen(options: ListenOptions): Promise<Listener>;
  readonly objects: ObjectCache;
  readonly catalog: Catalog;
  /** What is served besides resources; more can be added. */
  readonly paths: PathRoutes;
}

/** Who the server itself is when it writes. */
export const loopbackUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

/** Reads the store, follows it and serves it. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { clock, log } = options;
  await using started = new AsyncDisposableStack();
  const base = createBase(options);
  started.use(base.watchCache);
  let gate: Gate | undefined;
  const transportFor: ApiServer['transportFor'] = (user, { manager = user.name } = {}) =>
    createInProcessTransport({ core, gate: gate!, user, manager });
  const clusterFor: ApiServer['clusterFor'] = (user, more) =>
    createCluster(lazyTransport(() => transportFor(user, more)));
  const cluster = clusterFor(loopbackUser, { manager: 'kube-apiserver' });
  const context = { objects: base.cache, cluster, clusterFor, clock, log };
  const security = options.security(context);
  const { catalog, webhooks } = base;
  const admission = new AdmissionChain(security.admission, { ...context, catalog, webhooks });
  const core: Core = { ...base, security, admission, loopback: cluster };
  gate = new Gate(security.authorizer);
  const metrics = new Metrics();
  let serverAddress = '';
  let aggregation: Aggregation | undefined;
  const { paths, openApi, published } = createPaths(options, core, {
    metrics,
    serverAddress: () => serverAddress,
    foreign: () => aggregation?.aggregator.versions() ?? [],
  });
  started.use(published);
  await core.watchCache.start();
  if (options.aggregation) {
    const credentials = options.aggregation;
    const changed = (): void => published.changed();
    aggregation = started.use(startAggregation({ core, credentials, openApi, changed }));
  }
  const http = new HttpServer({ core, gate, paths, metrics, aggregator: aggregation?.aggregator });
  const serviceCache = core.catalog.of(services)?.cache;
  if (serviceCache) started.use(core.nodePorts.follow(serviceCache));
  started.use(new CustomResources(core));
  started.use(publishCustomKinds(core.catalog, openApi));
  const listeners = started.use(new AsyncDisposableStack());
  const owned = started.move();
  return {
    transportFor,
    clusterFor,
    recentP99Ms: () => metrics.recentP99Ms(),
    async listen(listenOptions) {
      const listener = await listenFor(http, { ...listenOptions, clock, log });
      serverAddress ||= `${listener.host}:${listener.port}`;
      return listeners.use(listener);
    },
    objects: core.cache,
    catalog: core.catalog,
    paths,
    async [Symbol.asyncDispose]() {
      // The listeners take no more requests first, then those end that would last for long.
      const closing = owned.disposeAsync();
      core.watchCache.endWatches();
      await closing;
    },
  };
}

function listenFor(
  http: HttpServer,
  options: Omit<Parameters<typeof listen>[0], 'serve' | 'upgrade'>,
): Promise<Listener> {
  return listen({
    ...options,
    serve: (exchange) => void http.serve(exchange),
    upgrade: (upgrade) => void http.upgrade(upgrade),
  });
}

/** Everything that is served besides resources. */
function createPaths(
  { version, resources }: ApiServerOptions,
  core: Core,
  more: Pick<ServerPathsOptions, 'metrics' | 'serverAddress' | 'foreign'>,
): {
  readonly paths: PathRoutes;
  readonly openApi: OpenApi;
  readonly published: DisposableDiscovery;
} {
  const paths = new PathRoutes();
  const openApi = new OpenApi({
    version: version.gitVersion,
    descriptions: () => readDescriptions(),
    resources,
  });
  addOpenApi(paths, openApi);
  return { paths, openApi, published: addServerPaths(paths, { core, version, ...more }) };
}

/** The parts of the server know one another through the API before all of them are there. */
function lazyTransport(make: () => Transport): Transport {
  let transport: Transport | undefined;
  return {
    request: (request, options) => (transport ??= make()).request(request, options),
    watch: (request, options) => (transport ??= make()).watch(request, options),
  };
}

function createBase(options: ApiServerOptions): Omit<Core, 'security' | 'admission' | 'loopback'> {
  const { store, clock, log } = options;
  const catalog = new Catalog();
  const watchCache = new WatchCache({ store, clock, log, decode: decodeStored });
  for (const served of builtInResources(options.resources, watchCache)) catalog.add(served);
  const cache = objectCacheOf((resource) => catalog.of(resource)?.cache);
  const dialer = createServiceDialer({
    objects: cache,
    nodes: options.nodes,
    clock: options.clock,
  });
  const etcd: Component = {
    name: 'etcd-0',
    async check() {
      await watchCache.checkStore();
      return 'ok';
    },
  };
  return {
    catalog,
    watchCache,
    cache,
    objects: new ObjectStore({ store, cache: watchCache, clock, decode: decodeStored }),
    lister: new Lister({ store, cache: watchCache, decode: decodeStored }),
    ownership: createFieldOwnership(catalog, clock),
    components: [...(options.components ?? []), etcd],
    nodes: options.nodes,
    services: dialer,
    webhooks: new WebhookCaller({ services: dialer, clock }),
    clusterIps: new ClusterIps(options.serviceRanges),
    nodePorts: new NodePorts(options.nodePorts ?? { first: 30_000, last: 32_767 }),
    clock,
    log,
  };
}
