import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type { app, Health } from '#shared/contract/app.ts';
import type {
  SchedulerQueues,
  SchedulingAttempt,
  SchedulingNow,
  Simulation,
} from '#shared/contract/scheduling.ts';
import type { overviewOperations } from '#shared/contract/overview.ts';
import type { ApiRequest } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { followingHandlers, type FollowingServices } from '#main/window/following.ts';
import type { ObjectSearch } from '#main/window/object-search.ts';
import { containerHandlers, type ContainerServices } from '#main/window/containers.ts';
import { drainHandlers, type DrainServices } from '#main/window/drains.ts';
import { nodeHandlers, type NodeServices } from '#main/window/nodes.ts';
import { settingsHandlers, type SettingsServices } from '#main/window/settings.ts';
import { snapshotHandlers, type SnapshotServices } from '#main/window/snapshots.ts';

export interface WindowServices {
  /** The API of the cluster that is looked at, as the window's user. */
  readonly api: HttpTransport;
  readonly health: () => Promise<Health>;
  readonly clock: Clock;
  readonly settings: SettingsServices;
  readonly following: FollowingServices;
  readonly overview: Handlers<typeof overviewOperations>;
  readonly containers: ContainerServices;
  readonly nodes: NodeServices;
  readonly drains: DrainServices;
  readonly snapshots: SnapshotServices;
  readonly objects: ObjectSearch;
}

/** Answers the window's questions; everything about the cluster comes from its API. */
export function createHandlers({
  api,
  health,
  clock,
  settings,
  following,
  overview,
  containers,
  nodes,
  drains,
  snapshots,
  objects,
}: WindowServices): Handlers<typeof app> {
  return {
    request: (input, { signal }) => api.request(requestOf(input), { signal }),
    watch: (input, { signal }) => api.watch(requestOf({ ...input, verb: 'list' }), { signal }),
    watchTable: (input, { signal }) =>
      api.watch(requestOf({ ...input, verb: 'list' }), { signal, as: 'Table' }),
    get: ({ path }, { signal }) => api.get(path, { signal }),
    discovery: ({ root }, { signal }) => api.get(`/${root}`, { signal, accept: discoveryType }),
    async *health(_input, { signal }) {
      for (;;) {
        const now = await health().catch(silentWhileAway);
        if (now) yield now;
        await sleep(clock, 1000, signal);
      }
    },
    scheduling: ({ pod }, { signal }) => schedulingChanges(pod, { api, clock, signal }),
    simulate: async (supposed, { signal }) =>
      (await api.post(`${schedulerPath}/simulate`, supposed, { signal })) as Simulation,
    search: (input, context) => objects.search(input, context),
    ...settingsHandlers(settings),
    ...followingHandlers(following),
    ...overview,
    ...containerHandlers(containers),
    ...nodeHandlers(nodes),
    ...drainHandlers(drains),
    ...snapshotHandlers(snapshots),
  };
}

/** While the control plane is being restarted there is nothing to tell, and the window waits. */
function silentWhileAway(error: unknown): undefined {
  if (!ApiError.is(error, 'ServiceUnavailable')) throw error;
}

const schedulerPath = '/pilothouse/scheduler';

/** The scheduler tells nobody of its own accord: it is asked once a second, a change is passed on. */
async function* schedulingChanges(
  pod: string | undefined,
  { api, clock, signal }: Pick<WindowServices, 'api' | 'clock'> & { signal: AbortSignal },
): AsyncGenerator<SchedulingNow, never> {
  let last = '';
  for (;;) {
    const [queues, attempts] = await Promise.all([
      api.get(`${schedulerPath}/queues`, { signal }) as Promise<SchedulerQueues>,
      pod === undefined ? [] : attemptsOf(api, pod, signal),
    ]);
    const now = { queues, attempts };
    const text = JSON.stringify(now);
    if (text !== last) yield now;
    last = text;
    await sleep(clock, 1000, signal);
  }
}

async function attemptsOf(
  api: HttpTransport,
  pod: string,
  signal: AbortSignal,
): Promise<readonly SchedulingAttempt[]> {
  const path = `${schedulerPath}/records?pod=${encodeURIComponent(pod)}`;
  return (await api.get(path, { signal })) as readonly SchedulingAttempt[];
}

const discoveryType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

type Input = Parameters<Handlers<typeof app>['request']>[0];

function requestOf({ group, version, plural, ...rest }: Input): ApiRequest {
  const { namespace, name, subresource, query, body, patchType, verb } = rest;
  return {
    verb,
    resource: { group, version, plural },
    namespace,
    name,
    ...(subresource !== undefined && { subresource }),
    ...(query && { query }),
    ...(body !== undefined && { body }),
    ...(patchType && { patchType }),
  };
}
