import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { WatchingParts } from '#agent/settings.ts';
import { observedRelease } from '#shared/api/schema/release.ts';
import { Recorder } from '#shared/client/events.ts';
import { createPodCgroups } from './cgroups.ts';
import type { KubeletContext } from './context.ts';
import { PodMachinery } from './machinery.ts';
import { nodeAmounts } from './node/capacity.ts';
import { readNodeFacts } from './node/facts.ts';
import { NodeLease } from './node/lease.ts';
import { NodeReporter } from './node/node-status.ts';
import { cgroupDriverOf } from './node/runtime-info.ts';
import { RuntimeWatch } from './node/runtime-watch.ts';
import { ClusterObjects } from './objects.ts';
import type { PodDirectory } from './pod-directory.ts';

export interface Kubelet extends AsyncDisposable {
  readonly directory: PodDirectory;
}

export interface KubeletParts extends WatchingParts, Pick<KubeletContext, 'network'> {
  readonly runtime: ContainerRuntime;
}

const version = `${observedRelease}+pilothouse.1`;

/** Makes this machine a node: registers it, and runs its pods. Disposing leaves them running. */
export async function startKubelet(parts: KubeletParts): Promise<Kubelet> {
  await using started = new AsyncDisposableStack();
  const { settings, cluster, informers, clock, runtime } = parts;
  const { nodeName, folders } = settings;
  const log = parts.log.child({ component: 'kubelet' });
  await mkdir(join(folders.kubelet, 'pods'), { recursive: true, mode: 0o750 });
  const facts = await readNodeFacts();
  const recording = { cluster, clock, log, component: 'kubelet', host: nodeName };
  const recorder = started.use(new Recorder(recording));
  const changed = (uid: string): void => machinery.touch(uid);
  const objects = started.use(
    new ClusterObjects({ cluster, informers, clock, log, nodeName, changed }),
  );
  const context: KubeletContext = { ...parts, log, recorder, objects, facts };
  tellStart(context);
  const watch = started.use(await RuntimeWatch.start(context));
  const driver = await cgroupDriverOf(runtime);
  const cgroups = createPodCgroups({ version: facts.cgroupVersion, driver });
  await cgroups.start();
  const amounts = await nodeAmounts(facts, folders.kubelet, settings.evictionHard);
  const machinery: PodMachinery = new PodMachinery({
    context,
    cgroups,
    runtimeInfo: () => watch.info,
    allocatable: () => reporter.amounts.allocatable,
    pressuresChanged: () => reporter.hurry(),
  });
  const reporter: NodeReporter = started.use(
    new NodeReporter(
      {
        context,
        version,
        runtimeInfo: () => watch.info,
        health: () => watch.health(machinery.state.isHealthy, machinery.pressures),
      },
      amounts,
    ),
  );
  watch.onChange(() => reporter.hurry());
  started.use(new NodeLease(context));
  started.use(machinery);
  await machinery.start();
  const { directory } = machinery;
  const owned = started.move();
  return { directory, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Events about the node carry its name as uid, as upstream's do. */
function tellStart({ recorder, settings, facts }: KubeletContext): void {
  const { nodeName: name } = settings;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
  recorder.record(node, 'Normal', 'Starting', 'Starting kubelet.');
  if (facts.cgroupVersion === 1) {
    const message = 'cgroup v1 support is in maintenance mode, please migrate to cgroup v2';
    recorder.record(node, 'Warning', 'CgroupV1', message);
  }
  const message = 'Updated Node Allocatable limit across pods';
  recorder.record(node, 'Normal', 'NodeAllocatableEnforced', message);
}
