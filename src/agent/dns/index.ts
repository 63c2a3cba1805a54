import { ClaimedAddress, releaseAddress } from '#agent/dns/address.ts';
import { Forwarder } from '#agent/dns/forwarder.ts';
import { listen } from '#agent/dns/listener.ts';
import { Resolvers } from '#agent/dns/resolvers.ts';
import { Responder } from '#agent/dns/responder.ts';
import { watchNames } from '#agent/dns/watched-names.ts';
import { type RunProgram, runProgram } from '#agent/nftables/program.ts';
import type { AgentParts, WatchingParts } from '#agent/settings.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';

const port = 53;
const repairPeriodMs = 30_000;
const resolversFile = '/etc/resolv.conf';

/**
 * The cluster's DNS on this node, at the address that every pod is told. It answers by what was last
 * seen of the cluster, and so also while the API is away.
 */
export async function startDns({ settings, ...parts }: WatchingParts): Promise<AsyncDisposable> {
  await using started = new AsyncDisposableStack();
  const { clock, log } = parts;
  const { clusterDns, clusterDomain, serviceRange, podRange } = settings;
  const view = watchNames(parts);
  const resolvers = new Resolvers({ file: resolversFile, clock, own: clusterDns });
  const responder = new Responder({
    context: { view, zone: clusterDomain, serverIp: clusterDns },
    ownRanges: [serviceRange, podRange],
    forwarder: new Forwarder({ resolvers, clock }),
    isReady: () => view.isSynced(),
    clock,
  });
  const address = new ClaimedAddress(clusterDns, runProgram);
  await address.claim();
  started.use(await listen({ address: clusterDns, port, responder, clock, log }));
  const loop = started.use(
    new KeyedLoop<'repair'>({
      clock,
      concurrency: 1,
      backoffMs: exponential(1000, repairPeriodMs),
      onError: (_key, error) => log.error('Cannot look after the DNS address', { error }),
      async run() {
        await address.repair(log);
        return { afterMs: repairPeriodMs };
      },
    }),
  );
  loop.addAfter('repair', repairPeriodMs);
  return started.move();
}

/** Gives the address back, as if there had never been a server. */
export async function removeDns(
  { clusterDns }: Pick<AgentParts['settings'], 'clusterDns'>,
  run: RunProgram = runProgram,
): Promise<void> {
  await releaseAddress(clusterDns, run);
}
