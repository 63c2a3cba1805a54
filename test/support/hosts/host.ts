import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { bootScript, type BootOptions } from './boot.ts';
import { hierarchies, makeGroups, removeGroups } from './control-groups.ts';
import type { Fabric } from './fabric.ts';
import { execute, shell, tryShell, type ShellResult } from './shell.ts';

/** A machine with systemd, sshd and sudo. */
export interface Host {
  readonly name: string;
  readonly address: string;
  /** The process that is its init, as this machine numbers it; throws while the host is off. */
  pid(): number;
  /** A path on the host, as this machine sees it. Gone with the next boot. */
  path(inside: string): string;
  /** As root and without SSH: it works when the network does not. */
  execute(command: string, options?: { input?: string }): Promise<ShellResult>;
  /** What the command prints; throws with its complaints where it fails. */
  run(command: string, options?: { input?: string }): Promise<string>;
  /** Everything ends at once, without a word. */
  powerCut(): Promise<void>;
  /** A clean end, as systemd does it. */
  shutDown(): Promise<void>;
  /** Resolves once sshd answers. */
  start(): Promise<void>;
  /** As `systemctl reboot` does. */
  reboot(): Promise<void>;
  /** Pulls the network cable, or puts it back. */
  setCable(state: 'plugged' | 'pulled'): Promise<void>;
}

export interface HostOptions extends Pick<
  BootOptions,
  'base' | 'authorizedKey' | 'proxy' | 'diskMiB'
> {
  readonly fabric: Fabric;
  /** From 1. */
  readonly index: number;
}

/** A host that is off. */
export function createHost(options: HostOptions): Host & AsyncDisposable {
  return new NamespacedHost(options);
}

const sshPort = 22;

class NamespacedHost implements Host, AsyncDisposable {
  readonly name: string;
  readonly address: string;
  readonly #options: HostOptions;
  readonly #folder: string;
  readonly #namespace: string;
  readonly #port: string;
  #running: { readonly child: ChildProcess; readonly ended: Promise<void> } | undefined;
  #init: number | undefined;
  #log = '';

  constructor(options: HostOptions) {
    const { fabric, index } = options;
    this.#options = options;
    this.name = `h${index}`;
    this.address = `${fabric.prefix}.${10 + index}`;
    this.#folder = join(fabric.folder, this.name);
    this.#namespace = `${fabric.name}-${this.name}`;
    this.#port = `p${index}`;
  }

  pid(): number {
    if (this.#init === undefined) throw new Error(`Host ${this.name} is off: start it first`);
    return this.#init;
  }

  path(inside: string): string {
    return join(`/proc/${this.pid()}/root`, inside);
  }

  execute(command: string, options: { input?: string } = {}): Promise<ShellResult> {
    const inside = ['-m', '-u', '-i', '-n', '-p', '-C', '-T', '--', 'env', '-i', 'HOME=/root'];
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const target = ['-t', String(this.pid()), ...inside, path, 'sh', '-c', command];
    return execute('nsenter', target, options);
  }

  async run(command: string, options: { input?: string } = {}): Promise<string> {
    const { code, out, err } = await this.execute(command, options);
    if (code === 0) return out;
    throw new Error(`On host ${this.name}, "${command}" ended with ${code}: ${err || out}`);
  }

  async start(): Promise<void> {
    if (!this.#running) await this.#boot();
    await this.#answers();
  }

  async powerCut(): Promise<void> {
    if (this.#init !== undefined) process.kill(this.#init, 'SIGKILL');
    await this.#running?.ended;
  }

  async shutDown(): Promise<void> {
    await this.execute('systemctl poweroff');
    await this.#running?.ended;
  }

  async reboot(): Promise<void> {
    await this.execute('systemctl reboot');
    await this.#running?.ended;
    await this.start();
  }

  async setCable(state: 'plugged' | 'pulled'): Promise<void> {
    const way = state === 'plugged' ? 'up' : 'down';
    await shell(`ip -n ${this.#options.fabric.namespace} link set ${this.#port} ${way}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.powerCut();
  }

  async #boot(): Promise<void> {
    const { base, authorizedKey, proxy, diskMiB } = this.#options;
    const folder = this.#folder;
    for (const name of ['upper', 'work', 'root', 'containerd'])
      await mkdir(join(folder, name), { recursive: true });
    const { controllers, roots } = await hierarchies();
    const groups = roots.map((root) => join(root, this.#namespace));
    await this.#plugIn();
    await makeGroups(groups);
    const { name } = this;
    const boot = { name, base, folder, controllers, authorizedKey, proxy, diskMiB };
    const child = spawn('sh', ['-ec', launchScript(this.#namespace, groups), bootScript(boot)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    const ended = once(child, 'exit').then(() => this.#ended(groups));
    this.#running = { child, ended };
    this.#init = await initOf(child);
  }

  /** A cable from the host's own network namespace to the fabric's bridge. */
  async #plugIn(): Promise<void> {
    const { fabric, index } = this.#options;
    const [own, port] = [this.#namespace, this.#port];
    const hardware = `02:77:00:00:00:${index.toString(16).padStart(2, '0')}`;
    await shell(`ip netns add ${own}
ip -n ${fabric.namespace} link add ${port} type veth peer name eth0 netns ${own} address ${hardware}
ip -n ${fabric.namespace} link set ${port} master br0 up
ip -n ${own} link set lo up
ip -n ${own} addr add ${this.address}/24 dev eth0
ip -n ${own} link set eth0 up
ip -n ${own} route add default via ${fabric.gateway}`);
  }

  async #ended(groups: readonly string[]): Promise<void> {
    this.#init = undefined;
    this.#running = undefined;
    await removeGroups(groups);
    await tryShell(`ip netns del ${this.#namespace}
ip -n ${this.#options.fabric.namespace} link del ${this.#port}`);
  }

  async #answers(): Promise<void> {
    for (let left = 400; left > 0; left--) {
      if (!this.#running) throw new Error(`Host ${this.name} did not start: ${this.#log}`);
      if (await isOpen(this.address, sshPort)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`sshd on host ${this.name} does not answer: ${this.#log}`);
  }
}

/** Joins the host's cgroups and network, then makes the other namespaces; $0 is what runs in there. */
function launchScript(namespace: string, groups: readonly string[]): string {
  return `for group in ${groups.join(' ')}; do echo $$ >$group/cgroup.procs; done
up=$(cut -d. -f1 /proc/uptime)
exec setpriv --pdeathsig KILL nsenter --net=/run/netns/${namespace} \
  unshare -m -u -i -p -C -T --boottime -$up --monotonic -$up --fork --kill-child -- sh -ec "$0"`;
}

/** unshare's only child. */
async function initOf(child: ChildProcess): Promise<number> {
  for (let left = 200; left > 0 && child.exitCode === null; left--) {
    // In this order: what has become unshare has no children of the shell that it was any more.
    const comm = await readFile(`/proc/${child.pid}/comm`, 'utf8').catch(() => '');
    const children = `/proc/${child.pid}/task/${child.pid}/children`;
    const [pid] = (await readFile(children, 'utf8').catch(() => '')).split(' ');
    if (pid && comm.trim() === 'unshare') return Number(pid);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('A test host ended before it began: see whether this process is root');
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 300 });
    const end = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', end(true)); // sshd greets first
    socket.once('error', end(false));
    socket.once('timeout', end(false));
    socket.once('close', end(false));
  });
}
