import { writeFile } from 'node:fs/promises';
import { type CniPlaces, writeCniConfiguration } from '#agent/network/cni-configuration.ts';
import { letPodsThrough } from '#agent/network/forward-rules.ts';
import { masqueradeRules, masqueradeTable, clusterAddresses } from '#agent/network/masquerade.ts';
import { podRangeOf } from '#agent/network/node-ranges.ts';
import { reportRoutes } from '#agent/network/report-routes.ts';
import {
  ownRoutes,
  removeRoute,
  routeChanges,
  setRoute,
  wantedRoutes,
} from '#agent/network/routes.ts';
import type { WatchedNetwork } from '#agent/network/watched-network.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import { NftTable } from '#agent/nftables/table.ts';
import type { AgentSettings } from '#agent/settings.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';

const usualMtu = 1500;
const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

export interface NodeNetworkOptions {
  readonly settings: Pick<AgentSettings, 'nodeName' | 'nodeAddresses' | 'podRange'>;
  readonly view: Pick<WatchedNetwork, 'node' | 'nodes'>;
  readonly run: RunProgram;
  readonly cluster: Cluster;
  readonly log: Log;
  readonly places: CniPlaces;
}

/** The node's own part of the flat network: its pods' links, the ways to others, the way out. */
export class NodeNetwork {
  readonly #options: NodeNetworkOptions;
  readonly #table: NftTable;

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
    this.#table = new NftTable({
      name: masqueradeTable,
      run: options.run,
      witness: `set ${clusterAddresses}`,
    });
  }

  async sync(): Promise<void> {
    const { settings, view, log, places } = this.#options;
    await writeFile(forwardingFile, '1');
    const ownRange = podRangeOf(view.node(settings.nodeName));
    if (ownRange !== undefined) {
      const pods = { podRange: ownRange, mtu: await this.#mtu() };
      const isNew = await writeCniConfiguration(pods, places);
      if (isNew) log.info('Pods get addresses', { range: ownRange });
    }
    const nodes = [...view.nodes()];
    this.#table.put('', masqueradeRules({ ownRange, podRange: settings.podRange, nodes }));
    await this.#table.apply();
    await this.#openWays();
  }

  async repair(): Promise<void> {
    if (!(await this.#table.check())) await this.#table.apply();
    await this.#openWays();
  }

  async #openWays(): Promise<void> {
    const { settings, run, log } = this.#options;
    const { podRange } = settings;
    const wasClosed = await letPodsThrough(run, podRange);
    if (wasClosed)
      log.info('The firewall forwards nothing: rules for pods are added', { podRange });
    await this.#setRoutes();
  }

  /** One that cannot be set keeps no other from being set. */
  async #setRoutes(): Promise<void> {
    const { settings, view, run, cluster } = this.#options;
    const wanted = wantedRoutes(view.nodes(), settings.nodeName);
    const { gone, set } = routeChanges(await ownRoutes(run), wanted);
    const failures: string[] = [];
    const attempt = async (change: Promise<void>, what: string): Promise<void> => {
      await change.catch((error: Error) => failures.push(`${what}: ${error.message}`));
    };
    for (const route of gone) await attempt(removeRoute(run, route), route.range);
    for (const route of set) await attempt(setRoute(run, route), route.range);
    if (failures.length === 0) return reportRoutes(cluster, view.node(settings.nodeName), wanted);
    throw new Error(
      `Cannot route to the pods of other nodes (${failures.join('; ')}); nodes must be on one network, each with an InternalIP there`,
    );
  }

  /** Of the link with the node's address. */
  async #mtu(): Promise<number> {
    const { settings, run } = this.#options;
    const to = settings.nodeAddresses[0]!;
    const links = JSON.parse((await run('ip', ['-j', 'address', 'show', 'to', to])) || '[]') as {
      readonly mtu?: number;
    }[];
    return Math.min(usualMtu, ...links.flatMap(({ mtu }) => mtu ?? []));
  }
}
