import { basename, dirname } from 'node:path';
import type {
  Asker,
  ControlHandlers,
  DrainAsker,
  RunningCluster,
} from '#main/clusters/control-socket.ts';
import { readSettings, writeSettings, type ClusterProfile } from '#main/clusters/profile.ts';
import type { NodeLinks } from '#main/commands/up-nodes.ts';
import type { Terminal } from '#main/commands/terminal.ts';
import type { Restorer } from '#main/control-plane/snapshots/restorer.ts';
import { version } from '#main/control-plane/version.ts';
import { planDrain } from '#main/drain/drain.ts';
import type { Drains } from '#main/drain/drains.ts';
import type { RunningPlane } from '#main/running-plane.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import { drainWarning, unmanagedPods } from '#shared/drain/plan.ts';
import type { Restoration } from '#shared/contract/snapshots.ts';

/** What commands may ask for before all of it is there. */
export interface RunningParts {
  described?: RunningCluster;
  plane?: RunningPlane;
  links?: NodeLinks;
  drains?: Drains;
  restorer?: Restorer;
  /** How many simulated nodes there are since somebody added some. */
  simulatedNodes?: number;
}

export interface ControlOptions {
  readonly profile: ClusterProfile;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Why the cluster cannot be restored; absent: it can. */
  readonly cannotRestore?: string | undefined;
  stop(): void;
}

const lookMs = 200;

/** Answers what other processes of the same user ask of a running cluster. */
export function controlOf(parts: RunningParts, options: ControlOptions): ControlHandlers {
  const { profile, terminal, stop } = options;
  return {
    describe: () => parts.described ?? startingCluster(profile, terminal.pid),
    stop,
    saveSnapshot: async (file) => started(parts.plane, profile).current.saveSnapshot(file),
    addSimulated: (count) => addSimulated(count, parts, profile),
    nodes: () => started(parts.links, profile).handlers,
    async drain(node, asker) {
      const drains = started(parts.drains, profile);
      await drainFor(node, asker, { drains, plane: started(parts.plane, profile) });
    },
    restore: (file, asker) =>
      restoreFor(file, asker, {
        ...options,
        plane: started(parts.plane, profile),
        restorer: started(parts.restorer, profile),
      }),
  };
}

/** They are there at once, and come back with the cluster. */
export async function addSimulated(
  count: number,
  parts: RunningParts,
  profile: ClusterProfile,
): Promise<readonly string[]> {
  const { names, total } = await started(parts.plane, profile).simulation.add(count);
  parts.simulatedNodes = total;
  await writeSettings(profile, { ...(await readSettings(profile)), simulatedNodes: total });
  return names;
}

function started<T>(part: T | undefined, { name }: ClusterProfile): T {
  if (part !== undefined) return part;
  throw new Error(`Cluster ${name} is starting: try again`);
}

/** Whoever leaves stops it: nobody is there any more to hear how it went. */
async function drainFor(
  node: string,
  { force, tell, signal }: DrainAsker,
  { drains, plane }: { readonly drains: Drains; readonly plane: RunningPlane },
): Promise<void> {
  const plan = await planDrain(plane.current.cluster, node, { signal });
  const alone = unmanagedPods(plan);
  if (alone.length > 0 && !force)
    throw new Error(
      `cannot delete Pods that declare no controller (use --force to override): ${alone.join(', ')}`,
    );
  tell({ warning: drainWarning(plan) });
  using _listening = drains.subscribe(() => {
    const now = drains.list().find((each) => each.node === node);
    if (now) tell({ gone: now.gone, total: now.total, waitsFor: now.waitsFor });
  });
  signal.addEventListener('abort', () => void drains.stop(node), { once: true });
  await drains.run(node);
}

interface Restoring extends ControlOptions {
  readonly plane: RunningPlane;
  readonly restorer: Restorer;
}

/** Goes on whether or not whoever asked for it stays. */
async function restoreFor(
  file: string,
  { tell, signal }: Asker<Restoration>,
  { profile, plane, restorer, clock, cannotRestore }: Restoring,
): Promise<Restoration> {
  if (cannotRestore !== undefined) throw new Error(cannotRestore);
  const isOurs = dirname(file) === profile.snapshots;
  const path = isOurs ? file : (await plane.current.snapshots.import(file)).path;
  await restorer.begin(basename(path));
  let last = '';
  for (;;) {
    const { restoration } = restorer;
    if (!restoration) throw new Error('The restoration was put away before its end was told');
    if (restoration.state !== 'running') return restoration;
    const text = JSON.stringify(restoration);
    if (text !== last) tell(restoration);
    last = text;
    await sleep(clock, lookMs, signal);
  }
}

function startingCluster({ name, kubeconfig }: ClusterProfile, pid: number): RunningCluster {
  return { name, pid, version, server: '', kubeconfig, startedAt: '' };
}
