import type { WindowServices } from '#main/commands/up-window.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Health } from '#shared/contract/app.ts';

const rememberedMs = 10_000;

/** How the control plane is, as windows are told once a second. */
export function healthOf({
  running,
  plane,
  tunnels,
  clock,
}: WindowServices): () => Promise<Health> {
  const { version, name: cluster, server, kubeconfig } = running;
  const startedAt = clock.elapsed();
  const lastSnapshotAt = remembered(clock, async () => {
    const [newest] = await plane.current.snapshots.list();
    return newest?.takenAt;
  });
  return async () => {
    const { current } = plane;
    const { revision, dbSizeBytes } = await current.storeStatus();
    const p99Ms = current.recentP99Ms();
    const snapshotAt = await lastSnapshotAt();
    return {
      version,
      cluster,
      server,
      kubeconfig,
      uptimeMs: clock.elapsed() - startedAt,
      revision,
      storeBytes: dbSizeBytes,
      memoryBytes: current.memoryBytes(),
      tunnels: tunnelsNow(tunnels),
      ...(p99Ms !== undefined && { p99Ms }),
      ...(snapshotAt !== undefined && { lastSnapshotAt: snapshotAt }),
    };
  };
}

/** What takes a while to read is read now and then. */
function remembered<T>(clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let known: { readonly value: T; readonly at: number } | undefined;
  return async () => {
    if (!known || clock.elapsed() - known.at > rememberedMs)
      known = { value: await read(), at: clock.elapsed() };
    return known.value;
  };
}

function tunnelsNow(tunnels: WindowServices['tunnels']): Health['tunnels'] {
  const all = [...tunnels.states()];
  const missing = all.flatMap(([node, state]) =>
    state.phase === 'connected' ? [] : [`${node}: ${'why' in state ? state.why : state.phase}`],
  );
  return { total: all.length, missing };
}
