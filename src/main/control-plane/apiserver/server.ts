import { AdmissionChain } from '#main/control-plane/apiserver/admission-chain.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import type {
  Authenticator,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Impersonation } from '#main/control-plane/apiserver/authentication/impersonation.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import { Gate } from '#main/control-plane/apiserver/gate.ts';
import { HttpServer } from '#main/control-plane/apiserver/http/server.ts';
import {
  listen,
  type Listener,
  type ListenOptions,
} from '#main/control-plane/apiserver/http/listener.ts';
import { Metrics } from '#main/control-plane/apiserver/http/metrics.ts';
import { PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import {
  addServerPaths,
  type VersionInfo,
} from '#main/control-plane/apiserver/http/server-paths.ts';
import { createInProcessTransport } from '#main/control-plane/apiserver/in-process.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { builtInResources } from '#main/control-plane/apiserver/registry/built-in.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { createFieldOwnership } from '#main/control-plane/apiserver/registry/managed-fields.ts';
import { decodeStored } from '#main/control-plane/apiserver/registry/stored-value.ts';
import { Lister } from '#main/control-plane/apiserver/storage/lister.ts';
import { ObjectStore } from '#main/control-plane/apiserver/storage/object-store.ts';
import { objectCacheOf, WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import type { Store } from '#main/control-plane/etcd/store.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { Transport } from '#shared/client/transport.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface ApiServerOptions {
  /** Stays the caller's: it outlives the server. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly resources: readonly Resource[];
  readonly version: VersionInfo;
  /** Knows every caller over HTTP, or nothing; a union of all ways. */
  readonly authenticator: Authenticator;
  /** Absent: nobody may act as somebody else. */
  readonly impersonation?: Impersonation;
  readonly authorizer: Authorizer;
  /** In the order in which they run. */
  readonly admission: readonly AdmissionPlugin[];
}

export interface ApiServer extends AsyncDisposable {
  /** The API for one identity within the process; `manager` stands in managedFields. */
  transportFor(user: UserInfo, options?: { readonly manager?: string }): Transport;
  clusterFor(user: UserInfo, options?: { readonly manager?: string }): Cluster;
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
  const { clock, log, authorizer } = options;
  await using started = new AsyncDisposableStack();
  const core = createCore(options, (user, more) => clusterFor(user, more));
  started.use(core.watchCache);
  const gate = new Gate(authorizer);
  const transportFor: ApiServer['transportFor'] = (user, { manager = user.name } = {}) =>
    createInProcessTransport({ core, gate, user, manager });
  const clusterFor: ApiServer['clusterFor'] = (user, more) =>
    createCluster(transportFor(user, more));
  const metrics = new Metrics();
  const paths = new PathRoutes();
  let serverAddress = '';
  started.use(
    addServerPaths(paths, {
      core,
      metrics,
      version: options.version,
      serverAddress: () => serverAddress,
    }),
  );
  const http = new HttpServer({ ...options, core, gate, paths, metrics });
  await core.watchCache.start();
  const listeners = started.use(new AsyncDisposableStack());
  const owned = started.move();
  return {
    transportFor,
    clusterFor,
    async listen(listenOptions) {
      const listener = await listen({
        ...listenOptions,
        clock,
        log,
        serve: (exchange) => void http.serve(exchange),
        upgrade: (upgrade) => http.upgrade(upgrade),
      });
      serverAddress ||= `${listener.host}:${listener.port}`;
      return listeners.use(listener);
    },
    objects: core.cache,
    catalog: core.catalog,
    paths,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function createCore(options: ApiServerOptions, clusterFor: ApiServer['clusterFor']): Core {
  const { store, clock, log } = options;
  const catalog = new Catalog();
  const watchCache = new WatchCache({ store, clock, log, decode: decodeStored });
  for (const served of builtInResources(options.resources, watchCache)) catalog.add(served);
  const cache = objectCacheOf((resource) => catalog.of(resource)?.cache);
  let context: ReturnType<ConstructorParameters<typeof AdmissionChain>[1]> | undefined;
  return {
    catalog,
    watchCache,
    cache,
    objects: new ObjectStore({ store, cache: watchCache, clock, decode: decodeStored }),
    lister: new Lister({ store, cache: watchCache, decode: decodeStored }),
    admission: new AdmissionChain(
      options.admission,
      () =>
        (context ??= {
          objects: cache,
          cluster: clusterFor(loopbackUser, { manager: 'kube-apiserver' }),
          clock,
        }),
    ),
    ownership: createFieldOwnership(catalog, clock),
    clock,
    log,
  };
}
