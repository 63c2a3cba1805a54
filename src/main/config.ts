import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import type { EtcdSettings } from '#main/clusters/profile.ts';
import type { LogLevel } from '#shared/base/log.ts';

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface UpCommand {
  readonly type: 'up';
  readonly home: string;
  readonly name: string;
  readonly dataDir: string | undefined;
  /** Absent: the cluster's last port, else 6443 or the next free one. */
  readonly port: number | undefined;
  /** Port of the etcd face: absent: 2379 or the next free one; 0: none. */
  readonly etcdPort: number | undefined;
  readonly bindAddress: string;
  /** Absent: as many as were added while it ran; else two, while the cluster has no other node. */
  readonly simulatedNodes: number | undefined;
  /** A real etcd to keep the state in. */
  readonly etcd: EtcdSettings | undefined;
  readonly window: boolean;
  readonly logLevel: LogLevel;
  /** The user's own lists of machines' keys. */
  /** Where the user's own known_hosts are. */
  readonly knownHosts: readonly string[];
  /** With what the window logs in to machines that become nodes. */
  readonly sshKeys: { readonly agent: string | undefined; readonly keyFolder: string };
}

interface OfCluster {
  readonly home: string;
  readonly name: string;
  readonly dataDir: string | undefined;
  readonly json: boolean;
}

export interface StatusCommand extends OfCluster {
  readonly type: 'status';
}
export interface DownCommand extends OfCluster {
  readonly type: 'down';
}
export interface KubeconfigCommand extends OfCluster {
  readonly type: 'kubeconfig';
  /** The file to merge into; absent: print. */
  readonly mergeInto: string | undefined;
}
export interface VersionCommand {
  readonly type: 'version';
  readonly json: boolean;
}
export interface SnapshotCommand extends OfCluster {
  readonly type: 'snapshot';
  readonly action: 'save' | 'list' | 'status' | 'verify' | 'restore';
  readonly file: string | undefined;
}
export interface NodeCommand extends OfCluster {
  readonly type: 'node';
  readonly action: 'add' | 'list' | 'drain' | 'remove';
  /** `add`: `ssh://user@host[:port]`, `local` or `simulated`; `drain` and `remove`: the node's name. */
  readonly machine: string;
  /** How many simulated ones. */
  readonly count: number;
  readonly nodeName: string | undefined;
  /** With what to log in; other keys than a named identity are then left alone. */
  readonly ssh: {
    readonly identity: string | undefined;
    readonly agent: string | undefined;
    readonly keyFolder: string;
    readonly knownHosts: readonly string[];
  };
  /** Checks that may fail. */
  readonly ignore: readonly string[];
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Leave the machine as it is. */
  readonly forget: boolean;
  /** `remove`: do not drain first; `drain`: pods that nothing starts again, too. */
  readonly force: boolean;
}
export interface ImageCommand extends OfCluster {
  readonly type: 'image';
  readonly file: string;
  /** Absent: all nodes. */
  readonly node: string | undefined;
}
export interface HelpCommand {
  readonly type: 'help';
  readonly topic: string;
}

export type Command =
  | UpCommand
  | StatusCommand
  | DownCommand
  | KubeconfigCommand
  | VersionCommand
  | SnapshotCommand
  | NodeCommand
  | ImageCommand
  | HelpCommand;

export type Environment = Readonly<Record<string, string | undefined>>;

const ofCluster = {
  name: { type: 'string', default: 'default' },
  'data-dir': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  output: { type: 'string', short: 'o' },
} as const satisfies ParseArgsOptionsConfig;

const options = {
  up: {
    ...ofCluster,
    port: { type: 'string' },
    'etcd-port': { type: 'string' },
    'bind-address': { type: 'string', default: '127.0.0.1' },
    'simulated-nodes': { type: 'string' },
    'etcd-endpoints': { type: 'string' },
    'etcd-cacert': { type: 'string' },
    'etcd-cert': { type: 'string' },
    'etcd-key': { type: 'string' },
    'no-window': { type: 'boolean', default: false },
    'log-level': { type: 'string', default: 'warn' },
  },
  node: {
    ...ofCluster,
    'node-name': { type: 'string' },
    count: { type: 'string' },
    identity: { type: 'string', short: 'i' },
    ignore: { type: 'string' },
    'dry-run': { type: 'boolean', default: false },
    yes: { type: 'boolean', short: 'y', default: false },
    forget: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
  },
  image: { ...ofCluster, node: { type: 'string' } },
  kubeconfig: { ...ofCluster, merge: { type: 'boolean', default: false } },
  others: ofCluster,
} as const;

/** Understands a command line; everything that it leaves open has its default here. Throws `UsageError`. */
export function parseCommand(args: readonly string[], environment: Environment): Command {
  const [command = 'help', ...rest] = args;
  if (['help', '--help', '-h'].includes(command)) return { type: 'help', topic: rest[0] ?? '' };
  if (rest.includes('--help') || rest.includes('-h')) return { type: 'help', topic: command };
  const home = environment['PILOTHOUSE_HOME'] || join(homedir(), '.pilothouse');
  switch (command) {
    case 'up':
      return parseUp(rest, home, environment);
    case 'status':
    case 'down':
      return { type: command, ...parseOfCluster(rest, home).cluster };
    case 'kubeconfig':
      return parseKubeconfig(rest, home, environment);
    case 'version':
    case '--version':
      return { type: 'version', json: parseOfCluster(rest, home).cluster.json };
    case 'snapshot':
      return parseSnapshot(rest, home);
    case 'node':
      return parseNode(rest, home, environment);
    case 'image':
      return parseImage(rest, home);
    default:
      throw new UsageError(`unknown command "${command}"`);
  }
}

function parseUp(args: readonly string[], home: string, environment: Environment): UpCommand {
  const { values } = understood(() => parseArgs({ args: [...args], options: options.up }));
  const endpoints = values['etcd-endpoints']?.split(',').filter(Boolean) ?? [];
  const [authority, certificate, key] = [
    values['etcd-cacert'],
    values['etcd-cert'],
    values['etcd-key'],
  ];
  return Object.freeze({
    type: 'up',
    home,
    name: values.name,
    dataDir: folder(values['data-dir']),
    port: integer('--port', values.port, { min: 1, max: 65_535 }),
    etcdPort: integer('--etcd-port', values['etcd-port'], { min: 0, max: 65_535 }),
    bindAddress: values['bind-address'],
    simulatedNodes: integer('--simulated-nodes', values['simulated-nodes'], {
      min: 0,
      max: 15_000,
    }),
    etcd:
      endpoints.length > 0
        ? {
            endpoints,
            ...(authority !== undefined && { authority: resolve(authority) }),
            ...(certificate !== undefined && { certificate: resolve(certificate) }),
            ...(key !== undefined && { key: resolve(key) }),
          }
        : undefined,
    window: !values['no-window'],
    logLevel: oneOf('--log-level', values['log-level'], ['debug', 'info', 'warn', 'error']),
    knownHosts,
    sshKeys: sshKeysOf(environment),
  });
}

function parseKubeconfig(
  args: readonly string[],
  home: string,
  environment: Environment,
): KubeconfigCommand {
  const { values } = understood(() => parseArgs({ args: [...args], options: options.kubeconfig }));
  const [own] = (environment['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  const target = own ?? join(homedir(), '.kube', 'config');
  return {
    type: 'kubeconfig',
    ...clusterOf(values, home),
    mergeInto: values.merge ? target : undefined,
  };
}

const snapshotActions = ['save', 'list', 'status', 'verify', 'restore'] as const;

function parseSnapshot([action = '', ...args]: readonly string[], home: string): SnapshotCommand {
  const known = oneOf('snapshot', action, snapshotActions);
  const { cluster, files } = parseOfCluster(args, home, 1);
  const [file] = files;
  if (file === undefined && ['status', 'verify', 'restore'].includes(known))
    throw new UsageError(`"snapshot ${known}" needs a file`);
  return { type: 'snapshot', action: known, file: folder(file), ...cluster };
}

/** OpenSSH's own places. */
function sshKeysOf(environment: Environment): UpCommand['sshKeys'] {
  const agent = environment['SSH_AUTH_SOCK'] || undefined;
  return { agent, keyFolder: join(homedir(), '.ssh') };
}

const knownHosts = [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];

function parseNode(
  [action = '', ...args]: readonly string[],
  home: string,
  environment: Environment,
): NodeCommand {
  const known = oneOf('node', action, ['add', 'list', 'drain', 'remove']);
  const { values, positionals } = understood(() =>
    parseArgs({ args: [...args], options: options.node, allowPositionals: true }),
  );
  const [machine = '', ...more] = positionals;
  if (more.length > 0 || (known === 'list' && machine !== ''))
    throw new UsageError(`unexpected argument "${more[0] ?? machine}"`);
  if (known === 'add' && machine === '')
    throw new UsageError('"node add" needs a machine: ssh://user@host[:port], local or simulated');
  if ((known === 'remove' || known === 'drain') && machine === '')
    throw new UsageError(`"node ${known}" needs a name`);
  return {
    type: 'node',
    action: known,
    machine,
    ...clusterOf(values, home),
    count: integer('--count', values.count, { min: 1, max: 5_000 }) ?? 1,
    nodeName: values['node-name'],
    ssh: {
      identity: folder(values.identity),
      ...sshKeysOf(environment),
      knownHosts,
    },
    ignore: values.ignore?.split(/[, ]+/) ?? [],
    dryRun: values['dry-run'],
    yes: values.yes,
    forget: values.forget,
    force: values.force,
  };
}

function parseImage([action = '', ...args]: readonly string[], home: string): ImageCommand {
  oneOf('image', action, ['load']);
  const { values, positionals } = understood(() =>
    parseArgs({ args: [...args], options: options.image, allowPositionals: true }),
  );
  const [file, ...more] = positionals;
  if (file === undefined) throw new UsageError('"image load" needs a file');
  if (more.length > 0) throw new UsageError(`unexpected argument "${more[0]}"`);
  return { type: 'image', ...clusterOf(values, home), file: resolve(file), node: values.node };
}

function parseOfCluster(
  args: readonly string[],
  home: string,
  maxFiles = 0,
): { readonly cluster: OfCluster; readonly files: readonly string[] } {
  const { values, positionals } = understood(() =>
    parseArgs({ args: [...args], options: options.others, allowPositionals: true }),
  );
  if (positionals.length > maxFiles)
    throw new UsageError(`unexpected argument "${positionals[maxFiles]}"`);
  return { cluster: clusterOf(values, home), files: positionals };
}

function clusterOf(
  values: { readonly name: string; readonly 'data-dir'?: string; readonly output?: string },
  home: string,
): OfCluster {
  return {
    home,
    name: values.name,
    dataDir: folder(values['data-dir']),
    json: values.output !== undefined && oneOf('--output', values.output, ['json']) === 'json',
  };
}

function folder(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}

function integer(
  flag: string,
  text: string | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${flag} must be a number from ${min} to ${max}, not "${text}"`);
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found) return found;
  throw new UsageError(`${flag} must be one of ${allowed.join(', ')}, not "${value}"`);
}

/** What Node's own parser says is made a usage error. */
function understood<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}
