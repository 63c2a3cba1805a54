import { serveHttp } from '#agent/kube-proxy/http.ts';
import { Proxy, tableName } from '#agent/kube-proxy/proxy.ts';
import { ProxyHealth } from '#agent/kube-proxy/proxy-health.ts';
import { watchServices } from '#agent/kube-proxy/watched-services.ts';
import { type RunProgram, runProgram } from '#agent/nftables/program.ts';
import { NftSession } from '#agent/nftables/session.ts';
import { removeTable } from '#agent/nftables/table.ts';
import type { WatchingParts } from '#agent/settings.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';

/** kube-proxy's own port, on every node. */
const healthPort = 10_256;
const repairPeriodMs = 30_000;

/**
 * Services on this node: leads traffic for their addresses to endpoints, by nftables. What it has set
 * up stays when it ends, so that a restart is not noticed; `removeKubeProxy` takes it away.
 */
export async function startKubeProxy(parts: WatchingParts): Promise<AsyncDisposable> {
  const { settings, clock, log } = parts;
  await using started = new AsyncDisposableStack();
  const health = new ProxyHealth(clock);
  started.use(await serveHttp(healthPort, health.answer));
  const view = watchServices(parts);
  const session = started.use(new NftSession({ clock }));
  const proxy = started.use(new Proxy({ settings, view, health, run: runProgram, session, log }));
  const loop = started.use(
    new KeyedLoop<'sync' | 'repair'>({
      clock,
      concurrency: 1,
      backoffMs: exponential(100, 30_000),
      onError: (_key, error) => log.error('Cannot set up services; trying again', { error }),
      run: async (key) => {
        // Changes that come together are taken together.
        await Promise.resolve();
        if (key === 'sync') return proxy.sync();
        await proxy.repair();
        return { afterMs: repairPeriodMs };
      },
    }),
  );
  let isSynced = false;
  const wake = (): void => {
    if (!isSynced) return;
    health.changed();
    loop.add('sync');
  };
  started.use(
    view.subscribe({
      serviceChanged(key) {
        proxy.serviceChanged(key);
        wake();
      },
      nodeChanged(node, isViewChanged) {
        health.observeNode(node);
        if (!isViewChanged) return;
        proxy.nodeChanged();
        wake();
      },
    }),
  );
  void begin();
  return started.move();

  async function begin(): Promise<void> {
    await view.synced;
    isSynced = true;
    wake();
    loop.addAfter('repair', repairPeriodMs);
  }
}

/** Takes every rule of services away from this node. */
export async function removeKubeProxy(run: RunProgram = runProgram): Promise<void> {
  await removeTable(tableName, run);
}
