import { AdmissionChain } from '#main/control-plane/apiserver/admission-chain.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import type {
  Authenticator,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import { Gate } from '#main/control-plane/apiserver/gate.ts';
import { createInProcessTransport } from '#main/control-plane/apiserver/in-process.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { builtInResources } from '#main/control-plane/apiserver/registry/built-in.ts';
import type { FieldOwnership } from '#main/control-plane/apiserver/registry/field-ownership.ts';
import { decodeStored } from '#main/control-plane/apiserver/registry/stored-value.ts';
import { Lister } from '#main/control-plane/apiserver/storage/lister.ts';
import { ObjectStore } from '#main/control-plane/apiserver/storage/object-store.ts';
import { objectCacheOf, WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import type { Store } from '#main/control-plane/etcd/store.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { Transport } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface ApiServerOptions {
  /** Stays the caller's: it outlives the server. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly resources: readonly Resource[];
  /** Asked in this order. */
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  /** In the order in which they run. */
  readonly admission: readonly AdmissionPlugin[];
}

export interface ApiServer extends AsyncDisposable {
  /** The API for one identity within the process; `manager` stands in managedFields. */
  transportFor(user: UserInfo, options?: { readonly manager?: string }): Transport;
  clusterFor(user: UserInfo, options?: { readonly manager?: string }): Cluster;
  readonly objects: ObjectCache;
  readonly catalog: Catalog;
}

/** Who the server itself is when it writes. */
export const loopbackUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

/** Reads the store, follows it and serves it. */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { store, clock, log, authorizer } = options;
  const catalog = new Catalog();
  const watchCache = new WatchCache({ store, clock, log, decode: decodeStored });
  for (const served of builtInResources(options.resources, watchCache)) catalog.add(served);
  await using started = new AsyncDisposableStack();
  started.use(watchCache);
  const objects = objectCacheOf((resource) => catalog.of(resource)?.cache);
  const core: Core = {
    catalog,
    watchCache,
    objects: new ObjectStore({ store, cache: watchCache, clock, decode: decodeStored }),
    lister: new Lister({ store, cache: watchCache, decode: decodeStored }),
    admission: new AdmissionChain(options.admission, () => admissionContext),
    ownership: noOwnership,
    clock,
    log,
  };
  const gate = new Gate(authorizer);
  const transportFor: ApiServer['transportFor'] = (user, { manager = user.name } = {}) =>
    createInProcessTransport({ core, gate, user, manager });
  const clusterFor: ApiServer['clusterFor'] = (user, more) =>
    createCluster(transportFor(user, more));
  const admissionContext = {
    objects,
    cluster: clusterFor(loopbackUser, { manager: 'kube-apiserver' }),
    clock,
  };
  await watchCache.start();
  const owned = started.move();
  return {
    transportFor,
    clusterFor,
    objects,
    catalog,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Managed fields are not kept yet. */
const noOwnership: FieldOwnership = {
  recordUpdate() {},
  apply() {
    throw new ApiError(
      'InternalError',
      'Internal error occurred: server-side apply is not available',
    );
  },
};
