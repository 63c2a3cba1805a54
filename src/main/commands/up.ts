import { serveControl, type RunningCluster } from '#main/clusters/control-socket.ts';
import { writeKubeconfig } from '#main/clusters/kubeconfig.ts';
import {
  clusterProfile,
  openProfile,
  writeSettings,
  type ClusterProfile,
  type ClusterSettings,
} from '#main/clusters/profile.ts';
import { startWindow, type WindowServices } from '#main/commands/up-window.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { UpCommand } from '#main/config.ts';
import { startControlPlane, type ControlPlane } from '#main/control-plane/index.ts';
import { version } from '#main/control-plane/version.ts';
import { openLogFile } from '#main/log-file.ts';
import { choosePort } from '#main/ports.ts';
import { startSimulation } from '#main/simulation/index.ts';
import type { Log } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { observedRelease } from '#shared/api/schema/type-data.ts';

const usualPort = 6443;
const usualEtcdPort = 2379;

export interface UpHooks {
  /** Called once the cluster is ready; what it returns is disposed of before the cluster ends. */
  onReady?(services: WindowServices): Disposable;
}

/** Runs a cluster until it is interrupted or told to stop. */
export async function up(
  command: UpCommand,
  terminal: Terminal,
  { onReady }: UpHooks = {},
): Promise<ExitCode> {
  const clock = systemClock;
  const profile = clusterProfile(command.home, command.name, command.dataDir);
  const known = await openProfile(profile);
  // A cluster stays with the etcd that it was told once: its state is there.
  const settings = command.etcd ? { ...known, etcd: command.etcd } : known;
  const stopped = Promise.withResolvers<void>();
  terminal.interrupted.addEventListener('abort', () => stopped.resolve(), { once: true });
  await using running = new AsyncDisposableStack();
  let described: RunningCluster | undefined;
  let controlPlane: ControlPlane | undefined;
  running.use(
    await serveControl(profile.control, {
      describe: () => described ?? startingCluster(profile, terminal.pid),
      stop: () => stopped.resolve(),
      saveSnapshot: (file) => {
        if (controlPlane) return controlPlane.saveSnapshot(file);
        return Promise.reject(new Error(`Cluster ${profile.name} is starting: try again`));
      },
    }),
  );
  const { log } = running.use(
    await openLogFile({
      folder: profile.logs,
      clock,
      level: command.logLevel,
      print: (line) => terminal.note(line),
    }),
  );
  controlPlane = running.use(await startPlane(command, { profile, settings, log }));
  const simulation = running.use(simulate(command, controlPlane, log));
  await simulation.ready;
  described = await announce(command, { profile, settings, controlPlane, pid: terminal.pid });
  terminal.out(summary(described, controlPlane));
  const services = { running: described, controlPlane, clock, log };
  running.use(onReady?.(services));
  if (command.window) {
    const window = running.use(await startWindow(services));
    terminal.out(`  window      ${window.url}`);
  }
  await stopped.promise;
  terminal.note('Stopping …');
  return exitCodes.done;
}

async function startPlane(
  command: UpCommand,
  { profile, settings, log }: { profile: ClusterProfile; settings: ClusterSettings; log: Log },
): Promise<ControlPlane> {
  const { bindAddress } = command;
  const wanted = settings.port ?? usualPort;
  const port = await choosePort(bindAddress, { asked: command.port, wanted });
  const { etcd } = settings;
  const etcdPort =
    command.etcdPort === 0 || etcd
      ? undefined
      : await choosePort('127.0.0.1', { asked: command.etcdPort, wanted: usualEtcdPort });
  const { name, pki, state, snapshots } = profile;
  const { serviceRange, podRange } = settings;
  return startControlPlane({
    name,
    clock: systemClock,
    log,
    pki,
    state,
    snapshots,
    etcd,
    bindAddress,
    port,
    etcdPort,
    isEtcdPortFixed: command.etcdPort !== undefined,
    serviceRange,
    podRange,
  });
}

function simulate(command: UpCommand, controlPlane: ControlPlane, log: Log) {
  return startSimulation({
    cluster: controlPlane.cluster,
    clusterFor: (name) => controlPlane.clusterForNode(name),
    clock: systemClock,
    log: log.child({ component: 'simulation' }),
    kubeletVersion: observedRelease,
    count: command.simulatedNodes,
  });
}

interface Started {
  readonly profile: ClusterProfile;
  readonly settings: ClusterSettings;
  readonly controlPlane: ControlPlane;
  readonly pid: number;
}

/** Leaves word on disk of how to reach the cluster. */
async function announce(
  { name, bindAddress }: UpCommand,
  { profile, settings, controlPlane, pid }: Started,
): Promise<RunningCluster> {
  const { port, authority, admin: client } = controlPlane;
  const server = `https://${reachable(bindAddress)}:${port}`;
  await Promise.all([
    writeKubeconfig(profile.kubeconfig, { name, server, authority, client }),
    writeSettings(profile, { ...settings, port }),
  ]);
  const startedAt = new Date(systemClock.now()).toISOString();
  return { name, pid, version, server, kubeconfig: profile.kubeconfig, startedAt };
}

function startingCluster({ name, kubeconfig }: ClusterProfile, pid: number): RunningCluster {
  return { name, pid, version, server: '', kubeconfig, startedAt: '' };
}

function summary(running: RunningCluster, { etcdPort }: ControlPlane): string {
  return [
    `Cluster ${running.name} is ready: Kubernetes ${running.version}`,
    `  API         ${running.server}`,
    ...(etcdPort === undefined ? [] : [`  etcd        https://127.0.0.1:${etcdPort}`]),
    `  kubeconfig  ${running.kubeconfig}`,
  ].join('\n');
}

/** Where a client on this machine finds what listens there. */
function reachable(bindAddress: string): string {
  if (bindAddress === '0.0.0.0') return '127.0.0.1';
  if (bindAddress === '::') return '[::1]';
  return bindAddress.includes(':') ? `[${bindAddress}]` : bindAddress;
}
