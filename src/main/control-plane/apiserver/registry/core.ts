import type { AdmissionChain } from '#main/control-plane/apiserver/admission-chain.ts';
import type { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { FieldOwnership } from '#main/control-plane/apiserver/registry/field-ownership.ts';
import type { ClusterIps } from '#main/control-plane/apiserver/registry/service/cluster-ips.ts';
import type { NodePorts } from '#main/control-plane/apiserver/registry/service/node-ports.ts';
import type { Component } from '#main/control-plane/apiserver/registry/component-status/rest.ts';
import type { Security } from '#main/control-plane/apiserver/security.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { ServiceDialer } from '#main/control-plane/apiserver/service-dialer.ts';
import type { Lister } from '#main/control-plane/apiserver/storage/lister.ts';
import type { ObjectStore } from '#main/control-plane/apiserver/storage/object-store.ts';
import type { WatchCache } from '#main/control-plane/apiserver/storage/watch-cache.ts';
import type { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Log } from '#shared/base/log.ts';

/** What every handler of requests stands on. */
export interface Core {
  readonly catalog: Catalog;
  readonly watchCache: WatchCache;
  /** The caches as others see them. */
  readonly cache: ObjectCache;
  readonly objects: ObjectStore;
  readonly lister: Lister;
  readonly admission: AdmissionChain;
  readonly ownership: FieldOwnership;
  readonly security: Security;
  /** For componentstatuses. */
  readonly components: readonly Component[];
  /** Absent: nothing on a node can be reached. */
  readonly nodes: NodeConnector | undefined;
  readonly webhooks: WebhookCaller;
  /** The way to what services lead to. */
  readonly services: ServiceDialer;
  readonly clusterIps: ClusterIps;
  readonly nodePorts: NodePorts;
  /** The server's own way into the API. */
  readonly loopback: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}
