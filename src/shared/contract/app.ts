import * as v from 'valibot';
import { call, stream } from '#shared/contract/contract.ts';
import { searchOperations } from '#shared/contract/search.ts';
import { schedulingOperations, type SchedulingNow } from '#shared/contract/scheduling.ts';
import { containerOperations } from '#shared/contract/containers.ts';
import { drainOperations } from '#shared/contract/drains.ts';
import { followingOperations } from '#shared/contract/following.ts';
import { nodeOperations } from '#shared/contract/nodes.ts';
import { overviewOperations } from '#shared/contract/overview.ts';
import { settingsOperations } from '#shared/contract/settings.ts';
import { snapshotOperations } from '#shared/contract/snapshots.ts';

const name = v.pipe(v.string(), v.maxLength(512));
const query = v.record(name, v.pipe(v.string(), v.maxLength(16_384)));

const apiTarget = {
  group: name,
  version: name,
  plural: name,
  namespace: v.optional(name),
  name: v.optional(name),
  subresource: v.optional(name),
  query: v.optional(query),
};

/** A request to the Kubernetes API of the cluster that is looked at, as the window's user. */
const apiRequest = v.strictObject({
  ...apiTarget,
  verb: v.picklist(['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection']),
  patchType: v.optional(
    v.picklist([
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/strategic-merge-patch+json',
      'application/apply-patch+yaml',
    ]),
  ),
  body: v.optional(v.unknown()),
});

const apiWatch = v.strictObject(apiTarget);
const path = v.pipe(v.string(), v.startsWith('/'), v.maxLength(2048));

/** How the control plane is: told when somebody begins to look and once a second after that. */
export interface Health {
  readonly version: string;
  readonly cluster: string;
  readonly server: string;
  readonly kubeconfig: string;
  /** Milliseconds since the API server began to serve. */
  readonly uptimeMs: number;
  readonly revision: number;
  readonly storeBytes: number;
  readonly memoryBytes: number;
  /** Of the newest requests over the network; absent where there were none. */
  readonly p99Ms?: number;
  /** Milliseconds since 1970; absent where there is none. */
  readonly lastSnapshotAt?: number;
  /** To the machines that were added as nodes. */
  readonly tunnels: {
    readonly total: number;
    /** Those that do not stand, each with the reason. */
    readonly missing: readonly string[];
  };
}

/** What the window may ask of the application. */
export const app = {
  /** Any request that answers with objects; fails with the API's own Status. */
  request: call(apiRequest).returns<unknown>(),
  /** Batches of watch events. */
  watch: stream(apiWatch).yields<readonly unknown[]>(),
  /** Batches of watch events whose objects are Tables. */
  watchTable: stream(apiWatch).yields<readonly unknown[]>(),
  /** A path that is no resource: discovery, OpenAPI, health, the scheduler's records. */
  get: call(v.strictObject({ path })).returns<unknown>(),
  /** What the cluster serves: `apidiscovery.k8s.io/v2` of `/api` or `/apis`. */
  discovery: call(v.strictObject({ root: v.picklist(['api', 'apis']) })).returns<unknown>(),
  health: stream(v.strictObject({})).yields<Health>(),
  /** Who waits to be scheduled, with the last attempts of one pod; told again whenever it changes. */
  scheduling: stream(v.strictObject({ pod: v.optional(name) })).yields<SchedulingNow>(),
  ...settingsOperations,
  ...followingOperations,
  ...overviewOperations,
  ...containerOperations,
  ...nodeOperations,
  ...drainOperations,
  ...snapshotOperations,
  ...schedulingOperations,
  ...searchOperations,
};
