import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectTo } from '../connect.ts';
import { imageArchives } from '../kubelet/images.ts';
import { kubectlOn, type Kubectl } from '../kubectl.ts';
import { startPilothouse, stop, type Pilothouse } from '../pilothouse.ts';
import type { Host } from './host.ts';
import { startHosts } from './index.ts';
import { execute, type ShellResult } from './shell.ts';
import type { Cluster } from '#shared/client/cluster.ts';

/** A cluster as a user has it: `pilothouse up`, and machines that `node add` made nodes, through SSH. */
export interface NodeCluster extends AsyncDisposable {
  readonly machines: readonly Host[];
  /** This machine's address as the nodes see it: outside the cluster. */
  readonly gateway: string;
  /** As the administrator, over TLS; it outlives restarts of the control plane. */
  readonly cluster: Cluster;
  readonly kubectl: Kubectl;
  /** The process that is the control plane now. */
  readonly plane: () => Pilothouse;
  /** Ends the control plane without a word. */
  killPlane(): Promise<void>;
  /** On the port where it was. */
  startPlane(): Promise<void>;
  /** A command of the command line, as its user types it. */
  pilothouse(...args: readonly string[]): Promise<ShellResult>;
  /** Makes a machine a node, again if it was removed; returns what the command says at its end. */
  add(machine: Host): Promise<string>;
  remove(machine: Host): Promise<void>;
}

export interface NodeClusterOptions {
  readonly machines: number;
  /** What runs as the control plane: the command line unless stated. */
  readonly entry?: string;
}

const root = join(import.meta.dirname, '../../..');

/** The nodes are Ready and have the image of `busyboxImage`. */
export async function startNodeCluster(options: NodeClusterOptions): Promise<NodeCluster> {
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'pilothouse-nodes-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const archives = imageArchives();
  const hosts = stack.use(await startHosts({ count: options.machines, kind: 'container' }));
  const entry = options.entry === undefined ? {} : { entry: options.entry };
  let plane = await startPilothouse({ home, simulatedNodes: 0, ...entry });
  stack.defer(() => stop(plane.process, 'SIGTERM'));
  const { port, kubeconfig } = plane;

  const pilothouse = (...args: readonly string[]): Promise<ShellResult> => {
    const env = { ...process.env, HOME: home, PILOTHOUSE_HOME: home, SSH_AUTH_SOCK: '' };
    return execute(process.execPath, [join(root, 'src/main/cli.ts'), ...args], { env });
  };
  const must = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await pilothouse(...args);
    if (code !== 0) throw new Error(`pilothouse ${args.join(' ')} ended with ${code}: ${err}`);
    return out;
  };
  const [busybox] = await archives;
  const identity = ['--identity', hosts.keyFile];
  const add = async ({ name, address }: Host): Promise<string> => {
    const said = await must('node', 'add', `ssh://admin@${address}`, ...identity, '--yes');
    await must('image', 'load', busybox!, '--node', name);
    return said;
  };
  // One of them has a network of its own besides, as Docker makes one.
  await hosts.hosts[0]!.run(
    'ip link add docker0 type bridge && ip address add 172.17.0.1/16 dev docker0',
  );
  await Promise.all(hosts.hosts.map(add));
  const { cluster, ...connection } = await connectTo(kubeconfig);
  stack.use(connection);
  const owned = stack.move();
  return {
    machines: hosts.hosts,
    gateway: hosts.gateway,
    cluster,
    kubectl: kubectlOn('kubectl', kubeconfig),
    plane: () => plane,
    killPlane: () => stop(plane.process, 'SIGKILL'),
    async startPlane() {
      plane = await startPilothouse({ home, port, simulatedNodes: 0, ...entry });
    },
    pilothouse,
    add,
    remove: async ({ name }) => {
      await must('node', 'remove', name, ...identity);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
