import { createReadStream } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { LinkedNode, LoadedImage, NodeHandlers } from '#main/clusters/control-socket.ts';
import {
  describeMachine,
  readNode,
  readNodes,
  type NodeRecord,
} from '#main/clusters/node-records.ts';
import type { ClusterProfile } from '#main/clusters/profile.ts';
import { openAccessKey } from '#main/provision/ssh/access-key.ts';
import { openHostKeys } from '#main/provision/ssh/host-keys.ts';
import { nobody } from '#main/provision/ssh/questions.ts';
import { attachHere, attachOverSsh } from '#main/provision/tunnel/attach.ts';
import { KnownMachines } from '#main/commands/known-machines.ts';
import type { Attachment, TunnelState } from '#main/provision/tunnel/node-tunnel.ts';
import { Tunnels } from '#main/provision/tunnel/tunnels.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import type { Clock, Pauses } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { NodeMachine } from '#shared/contract/nodes.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface NodeLinksOptions {
  readonly profile: ClusterProfile;
  /** The host's own time: it tells how long a tunnel has been silent, whatever the cluster thinks. */
  readonly clock: Clock;
  /** The cluster's: controllers compare with it since when a machine can be reached. */
  readonly clusterClock: Clock;
  readonly log: Log;
  readonly api: { readonly host: string; readonly port: number };
  /** Where the user's own known_hosts are. */
  readonly knownHosts: readonly string[];
  /** The API, once it is there. */
  cluster(): Cluster | undefined;
}

/** The tunnels to all machines that were added as nodes, and what commands may ask about them. */
export class NodeLinks implements AsyncDisposable {
  readonly tunnels: Tunnels;
  readonly handlers: NodeHandlers;
  /** What controllers know of the machines; complete once `load` has been waited for. */
  readonly machines: KnownMachines;
  readonly #options: NodeLinksOptions;
  #waking: Disposable | undefined;

  constructor(options: NodeLinksOptions) {
    this.#options = options;
    const { clock, clusterClock, api } = options;
    const log = options.log.child({ component: 'tunnels' });
    this.machines = new KnownMachines(clusterClock);
    this.tunnels = new Tunnels({ clock, log, api, entered: this.machines.entered });
    this.handlers = {
      list: () => this.#list(),
      link: (name) => this.#link(name),
      unlink: (name) => this.#unlink(name),
      loadImage: (file, node) => this.#loadImage(file, node),
    };
  }

  /** The machines on record and how their tunnels are, without asking anybody. */
  machinesNow(): readonly NodeMachine[] {
    const states = this.tunnels.states();
    return this.machines.list().map((record) => {
      const state = states.get(record.name);
      return {
        node: record.name,
        machine: describeMachine(record),
        tunnel: state?.phase ?? 'closed',
        ...(state && 'why' in state && { why: state.why }),
      };
    });
  }

  async load(): Promise<void> {
    for (const record of await readNodes(this.#options.profile.nodes)) this.machines.put(record);
  }

  /** Dials every machine on record; does not wait for any. */
  async dialAll(): Promise<void> {
    for (const record of await readNodes(this.#options.profile.nodes)) await this.#open(record);
  }

  /** After a sleep nobody waits for the next look. */
  wakeWith(pauses: Pauses): void {
    this.#waking = pauses.onWake(() => this.tunnels.wake());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#waking?.[Symbol.dispose]();
    await this.tunnels[Symbol.asyncDispose]();
  }

  async #open(record: NodeRecord): Promise<void> {
    this.machines.put(record);
    await this.tunnels.open(record.name, (signal) => attach(record, this.#options, signal));
  }

  async #link(name: string): Promise<void> {
    const record = await readNode(this.#options.profile.nodes, name);
    if (!record) throw new Error(`There is no node ${name} on record: see "pilothouse node list"`);
    await this.#open(record);
  }

  async #unlink(name: string): Promise<void> {
    await this.tunnels.close(name);
    this.machines.remove(name);
    try {
      await this.#options.cluster()?.delete(nodes, { name });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }

  async #list(): Promise<readonly LinkedNode[]> {
    const records = await readNodes(this.#options.profile.nodes);
    const listed = await this.#options.cluster()?.list(nodes);
    const registered = new Map(listed?.items.map((node) => [node.metadata.name, node]));
    const states = this.tunnels.states();
    return records.map((record) =>
      linked(record, states.get(record.name), registered.get(record.name)),
    );
  }

  async #loadImage(file: string, node: string | undefined): Promise<readonly LoadedImage[]> {
    const names = node === undefined ? [...this.tunnels.states().keys()] : [node];
    if (names.length === 0)
      throw new Error('No node is there to load images into: add one with "pilothouse node add"');
    return Promise.all(
      names.map(async (name) => ({
        node: name,
        images: await this.tunnels.loadImage(name, createReadStream(file)),
      })),
    );
  }
}

async function attach(
  { machine }: NodeRecord,
  { profile, clock, knownHosts }: NodeLinksOptions,
  signal: AbortSignal,
): Promise<Attachment> {
  if (machine.type === 'local') return attachHere(userInfo().uid === 0);
  const { path: identity } = await openAccessKey(join(profile.ssh, 'id_ed25519'));
  const own = join(profile.ssh, 'known_hosts');
  const hostKeys = await openHostKeys({ own, others: knownHosts }, nobody);
  const { user, host, port } = machine;
  return attachOverSsh({
    target: { user, host, port },
    credentials: { identity },
    hostKeys,
    questions: nobody,
    clock,
    signal,
  });
}

function linked(
  record: NodeRecord,
  state: TunnelState | undefined,
  node: Node | undefined,
): LinkedNode {
  const condition = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  const ready = condition?.status === 'True';
  const why = state && 'why' in state ? state.why : ready ? undefined : condition?.message;
  return {
    name: record.name,
    machine: describeMachine(record),
    tunnel: state?.phase ?? 'closed',
    ...(why !== undefined && { why }),
    ...(node && { ready }),
  };
}
