import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import type { Security, SecurityContext } from '#main/control-plane/apiserver/security.ts';
import type {
  Authenticator,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import {
  createApiServer,
  type ApiServer,
  type ApiServerOptions,
} from '#main/control-plane/apiserver/server.ts';
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import type { Store } from '#main/control-plane/etcd/store.ts';
import { resources as builtIn } from '#shared/api/index.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import type { Clock } from '#shared/base/clock.ts';
import { silentLog, type Log } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface TestClusterOptions {
  /** The file to keep everything in; memory unless stated. */
  readonly state?: string;
  /** Instead of an embedded store; stays the caller's. */
  readonly store?: Store;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly resources?: readonly Resource[];
  /** None unless stated. */
  readonly nodes?: NodeConnector;
  /** Shown to aggregated API servers; none are asked unless stated. */
  readonly aggregation?: ApiServerOptions['aggregation'];
  /** Instead of everybody being `system:admin` over HTTPS, everything being allowed, and no admission. */
  readonly security?: (context: SecurityContext) => Partial<Security>;
  /** The namespaces that a fresh cluster has, unless stated. */
  readonly namespaces?: readonly string[];
}

export interface TestCluster extends AsyncDisposable {
  readonly store: Store;
  readonly server: ApiServer;
  /** The API as `system:admin`, member of system:masters. */
  readonly admin: Cluster;
  /** The API as somebody, in process; the name also stands in managedFields. */
  as(name: string, ...groups: readonly string[]): Cluster;
}

const allowEverything: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'Allow', reason: '' }),
};

const everybodyIsAdmin: Authenticator = {
  name: 'test',
  authenticate: () =>
    Promise.resolve({
      user: { name: 'system:admin', groups: ['system:masters', 'system:authenticated'] },
    }),
};

const testVersion = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.3+pilothouse.0',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'linux/amd64',
};

/** A store in memory and an API server on it, both within the test's process. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { clock = systemClock, log = silentLog } = options;
  await using started = new AsyncDisposableStack();
  const { state } = options;
  const store =
    options.store ??
    started.use(await openEmbeddedStore({ clock, log, ...(state && { path: state }) }));
  const server = started.use(
    await createApiServer({
      store,
      clock,
      log,
      resources: options.resources ?? builtIn,
      version: testVersion,
      ...(options.nodes && { nodes: options.nodes }),
      ...(options.aggregation && { aggregation: options.aggregation }),
      serviceRanges: ['10.96.0.0/16'],
      security: (context) => ({
        authenticator: everybodyIsAdmin,
        authorizer: allowEverything,
        admission: [],
        ...options.security?.(context),
      }),
    }),
  );
  const as = (name: string, ...groups: readonly string[]): Cluster =>
    server.clusterFor({ name, groups: [...groups, 'system:authenticated'] } satisfies UserInfo);
  const admin = as('system:admin', 'system:masters');
  const wanted = options.namespaces ?? ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
  for (const name of wanted) await admin.create(namespaces, { metadata: { name } });
  const owned = started.move();
  return { store, server, admin, as, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
