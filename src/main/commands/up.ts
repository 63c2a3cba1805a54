import { join } from 'node:path';
import { serveControl, type RunningCluster } from '#main/clusters/control-socket.ts';
import { createHttpsTransport, type ServerAccess } from '#main/clusters/https-transport.ts';
import { writeKubeconfig } from '#main/clusters/kubeconfig.ts';
import {
  clusterProfile,
  openProfile,
  readSettings,
  writeSettings,
  type ClusterProfile,
  type ClusterSettings,
} from '#main/clusters/profile.ts';
import { keepSleeps } from '#main/clusters/sleeps.ts';
import { addSimulated, controlOf, type RunningParts } from '#main/commands/up-control.ts';
import { NodeLinks } from '#main/commands/up-nodes.ts';
import { nodeAdder } from '#main/commands/window-add-node.ts';
import { nodeRemover } from '#main/commands/window-remove-node.ts';
import { startWindow, type WindowServices } from '#main/commands/up-window.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { UpCommand } from '#main/config.ts';
import { startControlPlane, type ControlPlane } from '#main/control-plane/index.ts';
import { defaultPlan, type SnapshotPlan } from '#main/control-plane/etcd/snapshot/catalog.ts';
import { openRestoreJournal } from '#main/control-plane/snapshots/restore-journal.ts';
import { finishExchange, Restorer } from '#main/control-plane/snapshots/restorer.ts';
import { version } from '#main/control-plane/version.ts';
import { Drains } from '#main/drain/drains.ts';
import { openLogFile } from '#main/log-file.ts';
import { PortForwards } from '#main/port-forward/forwards.ts';
import { choosePort } from '#main/ports.ts';
import { RunningPlane, type StartedPlane } from '#main/running-plane.ts';
import { startSimulation } from '#main/simulation/index.ts';
import type { Clock } from '#shared/base/clock.ts';
import { ClusterClock } from '#shared/base/cluster-clock.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
import type { SnapshotRules } from '#shared/contract/snapshots.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { observedRelease } from '#shared/api/schema/release.ts';

const usualPort = 6443;
const usualEtcdPort = 2379;
const stateElsewhere =
  'Cannot restore from here: a real etcd keeps the state of this cluster; restore it there with etcdutl';

export interface UpHooks {
  /** The cluster's time, where somebody tells it that the machine goes to sleep; it notices, too. */
  readonly time?: ClusterClock;
  /** Called once the cluster is ready; what it returns is disposed of before the cluster ends. */
  onReady?(services: WindowServices): Disposable;
}

/** Runs a cluster until it is interrupted or told to stop. */
export async function up(
  command: UpCommand,
  terminal: Terminal,
  { time, onReady }: UpHooks = {},
): Promise<ExitCode> {
  await using running = new AsyncDisposableStack();
  const clock = running.use(time ?? new ClusterClock(systemClock));
  const profile = clusterProfile(command.home, command.name, command.dataDir);
  const known = await openProfile(profile);
  // A cluster stays with the etcd that it was told once: its state is there.
  const settings = command.etcd ? { ...known, etcd: command.etcd } : known;
  const stopped = Promise.withResolvers<void>();
  terminal.interrupted.addEventListener('abort', () => stopped.resolve(), { once: true });
  const state: RunningParts = {};
  const stop = (): void => stopped.resolve();
  const cannotRestore = settings.etcd && stateElsewhere;
  const control = { profile, terminal, clock, cannotRestore, stop };
  running.use(await serveControl(profile.control, controlOf(state, control)));
  const { logs: folder } = profile;
  const { logLevel: level } = command;
  const print = (line: string): void => terminal.note(line);
  const { log } = running.use(await openLogFile({ folder, clock, level, print }));
  running.use(await keepSleeps(profile.sleeps, clock, log));
  const { snapshots, state: store } = profile;
  const journal = await openRestoreJournal(profile.restoration);
  await finishExchange({ journal, store, snapshots, clock, log });
  const ports = await choosePorts(command, settings);
  const links = running.use(linksTo(state, command, { profile, port: ports.port, clock, log }));
  await links.load();
  const start = (): Promise<StartedPlane> =>
    startPlane(command, { profile, settings, ports, clock, log, links, parts: state });
  const plane = running.use(await RunningPlane.open(start));
  state.plane = plane;
  const restorer = running.use(
    new Restorer({ plane, journal, store, snapshots, clock, log: log.child({ component: 'up' }) }),
  );
  state.restorer = restorer;
  await restorer.resume();
  await links.dialAll();
  state.links = links;
  const { current } = plane;
  const { pid } = terminal;
  const described = await announce(command, { profile, settings, controlPlane: current, pid });
  state.described = described;
  terminal.out(summary(described, current));
  const parts = { command, state, links, plane, restorer, profile, cannotRestore, clock, log };
  const services = servicesOf(running, described, parts);
  state.drains = services.drains;
  running.use(onReady?.(services));
  if (command.window) {
    const window = running.use(await startWindow(services));
    terminal.out(`  window      ${window.url}`);
  }
  await stopped.promise;
  terminal.note('Stopping …');
  // Whoever stops us is awake, and what ends in time needs a clock that runs.
  clock.resume();
  return exitCodes.done;
}

interface ServiceParts extends Pick<
  WindowServices,
  'plane' | 'restorer' | 'profile' | 'cannotRestore' | 'clock' | 'log'
> {
  readonly command: UpCommand;
  readonly state: RunningParts;
  readonly links: NodeLinks;
}

/** What windows are answered from, ended with everything else. */
function servicesOf(
  running: AsyncDisposableStack,
  described: RunningCluster,
  { command, state, links, ...parts }: ServiceParts,
): WindowServices {
  const { plane, profile, clock, log } = parts;
  const access = wayToApi(described, plane.current);
  const api = running.use(createHttpsTransport(access));
  const drains = running.use(new Drains({ cluster: createCluster(api), clock, log }));
  const making = { command, profile, links, drains };
  const nodes = {
    addNode: nodeAdder(making),
    removeNode: nodeRemover(making),
    addSimulated: (count: number) => addSimulated(count, state, profile),
    machines: () => links.machinesNow(),
    clock: systemClock,
  };
  const forwards = running.use(new PortForwards({ api, access, clock, log }));
  const { tunnels } = links;
  const keysFile = join(command.home, 'keys.yaml');
  return {
    ...parts,
    running: described,
    access,
    api,
    nodes,
    tunnels,
    drains,
    forwards,
    keysFile,
  };
}

/** As the administrator, over the network like everybody. */
function wayToApi(
  { server }: RunningCluster,
  { authority, admin }: ControlPlane,
): Required<Omit<ServerAccess, 'token'>> {
  return {
    server,
    ca: authority,
    clientCertificate: admin.certificate,
    clientKey: admin.key,
  };
}

/** The ways to the machines that were added as nodes; they outlive restarts of the control plane. */
function linksTo(
  state: RunningParts,
  { bindAddress, knownHosts }: UpCommand,
  {
    profile,
    port,
    clock,
    log,
  }: {
    readonly profile: ClusterProfile;
    readonly port: number;
    readonly clock: ClusterClock;
    readonly log: Log;
  },
): NodeLinks {
  const links = new NodeLinks({
    profile,
    clock: systemClock,
    clusterClock: clock,
    log,
    api: { host: reachable(bindAddress).replace(/^\[|\]$/g, ''), port },
    knownHosts,
    cluster: () => state.plane?.current.cluster,
  });
  links.wakeWith(clock.pauses);
  return links;
}

interface Ports {
  readonly port: number;
  readonly etcdPort: number | undefined;
}

/** Chosen once: after a restart within the process clients find the cluster where it was. */
async function choosePorts(
  { bindAddress, port: asked, etcdPort }: UpCommand,
  { port: wanted = usualPort, etcd }: ClusterSettings,
): Promise<Ports> {
  const port = await choosePort(bindAddress, { asked, wanted });
  if (etcdPort === 0 || etcd) return { port, etcdPort: undefined };
  const face = { asked: etcdPort, wanted: usualEtcdPort };
  return { port, etcdPort: await choosePort('127.0.0.1', face) };
}

interface Starting {
  readonly profile: ClusterProfile;
  readonly settings: ClusterSettings;
  readonly ports: Ports;
  readonly clock: Clock;
  readonly log: Log;
  readonly links: NodeLinks;
  readonly parts: RunningParts;
}

/** The control plane and the simulated nodes on it. */
async function startPlane(
  command: UpCommand,
  { profile, settings, ports, clock, log, links, parts }: Starting,
): Promise<StartedPlane> {
  await using started = new AsyncDisposableStack();
  const { name, pki, state, snapshots } = profile;
  const { serviceRange, podRange, etcd, loadBalancerAddresses } = settings;
  const { snapshots: rules, simulatedNodes } = await readSettings(profile);
  const controlPlane = started.use(
    await startControlPlane({
      name,
      clock,
      log,
      pki,
      state,
      snapshots,
      snapshotPlan: planOf(rules),
      etcd,
      bindAddress: command.bindAddress,
      ...ports,
      isEtcdPortFixed: command.etcdPort !== undefined,
      serviceRange,
      podRange,
      loadBalancerAddresses,
      tunnels: links.tunnels,
      machines: links.machines,
    }),
  );
  const count = parts.simulatedNodes ?? command.simulatedNodes ?? simulatedNodes;
  const simulation = started.use(simulate(count, controlPlane, { clock, log }));
  await simulation.ready;
  const owned = started.move();
  return { controlPlane, simulation, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function planOf(rules: SnapshotRules | undefined): SnapshotPlan {
  if (!rules) return defaultPlan;
  return { intervalMs: rules.everyMinutes * 60_000, keep: rules.keep };
}

function simulate(
  count: number | undefined,
  controlPlane: ControlPlane,
  { clock, log }: { clock: Clock; log: Log },
) {
  return startSimulation({
    cluster: controlPlane.cluster,
    clusterFor: (name) => controlPlane.clusterForNode(name),
    clock,
    log: log.child({ component: 'simulation' }),
    kubeletVersion: observedRelease,
    count,
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
