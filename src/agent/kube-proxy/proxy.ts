import { EndpointCounts } from '#agent/kube-proxy/endpoint-counts.ts';
import { frame, sets } from '#agent/kube-proxy/frame.ts';
import { type NodeView, proxied, type ProxiedService } from '#agent/kube-proxy/proxied-service.ts';
import type { ProxyHealth } from '#agent/kube-proxy/proxy-health.ts';
import { affinityPrefix } from '#agent/kube-proxy/service-rules.ts';
import { forgetStaleFlows, type UdpFrontends } from '#agent/kube-proxy/udp-flows.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import type { NftSession } from '#agent/nftables/session.ts';
import { NftTable } from '#agent/nftables/table.ts';
import type { AgentSettings } from '#agent/settings.ts';
import type { Log } from '#shared/base/log.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';

export const tableName = 'ip kube-proxy';

/** Where the proxy reads; every read is of what was seen last. */
export interface ProxyView {
  service(key: string): Service | undefined;
  slices(serviceKey: string): readonly EndpointSlice[];
  services(): Iterable<string>;
  node(): NodeView;
}

export interface ProxyOptions {
  readonly settings: Pick<AgentSettings, 'nodeAddresses' | 'serviceRange'>;
  readonly view: ProxyView;
  readonly health: ProxyHealth;
  readonly run: RunProgram;
  readonly session?: Pick<NftSession, 'apply'>;
  readonly log: Log;
}

/** Keeps the kernel's rules what services and endpoints ask for, by the services that changed. */
export class Proxy implements AsyncDisposable {
  readonly #options: ProxyOptions;
  readonly #table: NftTable;
  readonly #counts: EndpointCounts;
  readonly #changed = new Set<string>();
  readonly #proxied = new Map<string, ProxiedService>();
  #isAllChanged = true;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#table = new NftTable({
      name: tableName,
      run: options.run,
      session: options.session,
      witness: `set ${sets.nodePortIps}`,
      isFilledByRules: (set) => set.startsWith(affinityPrefix),
    });
    this.#table.put('', frame(options.settings));
    this.#counts = new EndpointCounts({
      isProxyHealthy: () => options.health.isHealthy,
      log: options.log,
    });
  }

  serviceChanged(key: string): void {
    this.#changed.add(key);
  }

  /** The node's own range or place changed: every service is looked at again. */
  nodeChanged(): void {
    this.#isAllChanged = true;
  }

  /** Brings the kernel in step. Throws when it refuses; the next call then starts from the whole. */
  async sync(): Promise<void> {
    const { view, health } = this.#options;
    const keys = this.#isAllChanged
      ? new Set([...view.services(), ...this.#proxied.keys()])
      : new Set(this.#changed);
    this.#changed.clear();
    this.#isAllChanged = false;
    const node = view.node();
    let hasUdp = false;
    for (const key of keys) {
      const before = this.#proxied.get(key);
      const service = view.service(key);
      const now = service && proxied(service, view.slices(key), node);
      if (now) this.#proxied.set(key, now);
      else this.#proxied.delete(key);
      this.#table.put(key, now?.rules);
      hasUdp ||= [before, now].some((one) => one && one.udp.length > 0);
    }
    await this.#table.apply();
    health.updated();
    for (const key of keys) await this.#counts.update(key, this.#proxied.get(key)?.counted);
    if (hasUdp) await this.#forgetStaleFlows();
  }

  /** Puts everything back if somebody flushed the rule set. */
  async repair(): Promise<void> {
    if (await this.#table.check()) return;
    this.#options.log.warn(
      'The rules of services are gone; somebody flushed them. Making them anew',
    );
    await this.#table.apply();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#counts[Symbol.asyncDispose]();
  }

  async #forgetStaleFlows(): Promise<void> {
    const { run, log, settings } = this.#options;
    const addresses = new Map<string, ReadonlySet<string>>();
    const nodePorts = new Map<string, ReadonlySet<string>>();
    for (const { udp } of this.#proxied.values()) {
      for (const { port, endpoints } of udp) {
        for (const ip of [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps]) {
          addresses.set(`${ip}:${port.port}`, endpoints);
        }
        if (port.nodePort !== undefined) nodePorts.set(String(port.nodePort), endpoints);
      }
    }
    const frontends: UdpFrontends = {
      addresses,
      nodePorts,
      nodeAddress: settings.nodeAddresses[0]!,
    };
    try {
      await forgetStaleFlows(run, frontends);
    } catch (error) {
      log.warn('Cannot clean up UDP flows: clients may wait for an endpoint that is gone', {
        error,
      });
    }
  }
}
