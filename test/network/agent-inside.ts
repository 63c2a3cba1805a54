import { join } from 'node:path';
import type { CniPlaces } from '#agent/network/cni-configuration.ts';
import type { Network } from '#agent/network/index.ts';
import type { StartedPod } from '#agent/network/policy-enforcer.ts';
import { SharedInformers } from '#agent/api/shared-informers.ts';
import type { AgentSettings, WatchingParts } from '#agent/settings.ts';
import { createLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { FakeApi } from '../scheduler-facts/fake-api.ts';
import type { Objects } from './inside.ts';

interface Part {
  start(parts: WatchingParts): Promise<AsyncDisposable>;
  clean(settings: AgentSettings): Promise<void>;
}

/** Loaded when asked for: most namespaces run none. */
const parts = {
  'kube-proxy': async (): Promise<Part> => {
    const { startKubeProxy, removeKubeProxy } = await import('#agent/kube-proxy/index.ts');
    return { start: startKubeProxy, clean: () => removeKubeProxy() };
  },
  dns: async (): Promise<Part> => {
    const { startDns, removeDns } = await import('#agent/dns/index.ts');
    return { start: startDns, clean: (settings) => removeDns(settings) };
  },
  network: async (): Promise<Part> => {
    const { startNetwork, removeNetwork } = await import('#agent/network/index.ts');
    return {
      start: (parts) => startNetwork(parts, cniPlacesOf(parts.settings)),
      clean: (settings) => removeNetwork(settings, cniPlacesOf(settings)),
    };
  },
};

/** A namespace has no files of its own: these are kept apart from the machine's. */
export function cniPlacesOf({ folders }: AgentSettings): CniPlaces {
  return {
    configuration: join(folders.state, 'cni', '10-pilothouse.conflist'),
    leases: join(folders.state, 'leases'),
  };
}

export type PartName = keyof typeof parts;

/** Parts of the agent, running against an API in memory. */
export class AgentInside {
  #api = new FakeApi();
  #running: AsyncDisposableStack | undefined;
  #network: Network | undefined;
  #clean: (() => Promise<void>)[] = [];

  async start(
    names: readonly PartName[],
    settings: AgentSettings,
    objects: Objects,
  ): Promise<void> {
    await this.stop();
    this.#api = new FakeApi();
    this.put(objects);
    const log = createLog(
      ({ sentence, fields }) =>
        void process.stderr.write(`${sentence} ${String(fields['error'])}\n`),
      { level: 'warn' },
    );
    const cluster = createCluster(this.#api);
    this.#running = new AsyncDisposableStack();
    const common = { settings, cluster, clock: systemClock, log };
    const informers = this.#running.use(new SharedInformers(common));
    for (const name of names) {
      const part = await parts[name]();
      this.#clean.push(() => part.clean(settings));
      const running = await part.start({ ...common, informers });
      this.#running.use(running);
      if (name === 'network') this.#network = running as Network;
    }
  }

  put(objects: Objects): void {
    for (const [plural, all] of Object.entries(objects)) {
      for (const object of all) this.#api.put(plural, object);
    }
  }

  async podStarted(started: StartedPod): Promise<void> {
    await this.#network?.podStarted(started);
  }

  remove(plural: string, key: string): void {
    this.#api.remove(plural, key);
  }

  async stop(): Promise<void> {
    await this.#running?.disposeAsync();
    this.#running = undefined;
  }

  async clean(): Promise<void> {
    await this.stop();
    for (const clean of this.#clean.splice(0)) await clean();
  }
}
