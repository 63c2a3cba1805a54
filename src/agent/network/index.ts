import {
  type CniPlaces,
  cniPlaces,
  removeCniConfiguration,
} from '#agent/network/cni-configuration.ts';
import { forgetPods } from '#agent/network/forward-rules.ts';
import { KeptAddresses } from '#agent/network/kept-addresses.ts';
import { masqueradeTable } from '#agent/network/masquerade.ts';
import { NodeNetwork } from '#agent/network/node-network.ts';
import { PolicyEnforcer, type StartedPod } from '#agent/network/policy-enforcer.ts';
import { policyTable } from '#agent/network/policy-rules.ts';
import { ownRoutes, removeRoute } from '#agent/network/routes.ts';
import { watchNetwork } from '#agent/network/watched-network.ts';
import { type RunProgram, runProgram } from '#agent/nftables/program.ts';
import { NftSession } from '#agent/nftables/session.ts';
import { removeTable } from '#agent/nftables/table.ts';
import type { AgentParts, WatchingParts } from '#agent/settings.ts';
import { sleep } from '#shared/base/clock.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';

const repairPeriodMs = 30_000;
/** A pod starts all the same when nothing at all is known of policies. */
const longestWaitMs = 10_000;

/** The node's network, for whoever starts pods. */
export interface Network extends AsyncDisposable {
  /**
   * Resolves once policies hold for a pod that has just got its addresses, which the API does not know
   * yet: after that its containers may start.
   */
  podStarted(started: StartedPod): Promise<void>;
  /** Runs what gives a pod its address: the one that it had, if it had one and that is free. */
  assignAddress<T>(had: string | undefined, run: () => Promise<T>): Promise<T>;
}

type Task = 'network' | 'policies' | 'repair';

/**
 * Pods' links, routes to other nodes' pods, the way out of the cluster, and network policies. What has
 * been set up stays when this ends; `removeNetwork` takes it away.
 */
export async function startNetwork(
  { settings, ...parts }: WatchingParts,
  places: CniPlaces = cniPlaces,
): Promise<Network> {
  const { clock, log } = parts;
  await using started = new AsyncDisposableStack();
  const view = started.use(watchNetwork(parts));
  const network = new NodeNetwork({ ...parts, settings, view, run: runProgram, places });
  const { nodeName } = settings;
  const session = started.use(new NftSession({ clock }));
  const enforcer = new PolicyEnforcer({ nodeName, view, run: runProgram, session, log });
  const ready = { network: false, policies: false };
  const loop = started.use(
    new KeyedLoop<Task>({
      clock,
      concurrency: 1,
      backoffMs: exponential(200, 60_000),
      onError: (task, error) =>
        log.error('Cannot set up the network; trying again', { task, error }),
      async run(task) {
        // Changes that come together are taken together.
        await Promise.resolve();
        if (task === 'network') return network.sync();
        if (task === 'policies') return enforcer.sync();
        if (ready.network) await network.repair();
        if (ready.policies) await enforcer.repair();
        return { afterMs: repairPeriodMs };
      },
    }),
  );
  const wake = (task: 'network' | 'policies'): void => {
    if (ready[task]) loop.add(task);
  };
  started.use(
    view.subscribe({
      nodesChanged: () => wake('network'),
      podGone: (pod) => enforcer.podGone(pod),
      policiesChanged: () => wake('policies'),
    }),
  );
  void begin('network', view.nodesSynced);
  void begin('policies', view.policiesSynced);
  loop.addAfter('repair', repairPeriodMs);
  const running = started.move();
  const addresses = new KeptAddresses(places.leases);
  return {
    assignAddress: (had, run) => addresses.assign(had, run),
    async podStarted(pod) {
      enforcer.podStarted(pod);
      if (!ready.policies) await Promise.race([view.policiesSynced, sleep(clock, longestWaitMs)]);
      // Rules made of half of what there is would take others away.
      if (ready.policies) await enforcer.sync();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };

  async function begin(task: 'network' | 'policies', synced: Promise<unknown>): Promise<void> {
    await synced;
    ready[task] = true;
    loop.add(task);
  }
}

/** Takes away all that the node's network was made of. */
export async function removeNetwork(
  { podRange }: Pick<AgentParts['settings'], 'podRange'>,
  places: CniPlaces = cniPlaces,
  run: RunProgram = runProgram,
): Promise<void> {
  await removeCniConfiguration(places);
  await removeTable(masqueradeTable, run);
  await removeTable(policyTable, run);
  await forgetPods(run, podRange);
  for (const route of await ownRoutes(run)) await removeRoute(run, route);
}
