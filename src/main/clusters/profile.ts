import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { SnapshotRules } from '#shared/contract/snapshots.ts';
import { makePrivateFolder, readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';

/** What is kept about a cluster besides its state: `cluster.yaml`. */
export interface ClusterSettings {
  /** Where its API was served last; a cluster keeps its port while that is free. */
  readonly port?: number;
  /** Where its window was served last: a browser keeps unfinished edits by this address. */
  readonly windowPort?: number;
  readonly serviceRange: string;
  readonly podRange: string;
  /** How many simulated nodes were asked for while it ran; two while there is no other node, without. */
  readonly simulatedNodes?: number;
  /** A real etcd that holds the state, instead of `state.db`. */
  readonly etcd?: EtcdSettings;
  /** When snapshots are taken and how many stay; the usual unless said. */
  readonly snapshots?: SnapshotRules;
  /**
   * What services of type LoadBalancer get: addresses, ranges such as `10.0.0.40-10.0.0.60` and
   * CIDRs that the network leads to the nodes. The nodes' own addresses without.
   */
  readonly loadBalancerAddresses?: readonly string[];
}

export interface EtcdSettings {
  /** `https://host:port` of each member. */
  readonly endpoints: readonly string[];
  /** Files, PEM. */
  readonly authority?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** Where one cluster lives on disk. */
export interface ClusterProfile {
  readonly name: string;
  readonly folder: string;
  readonly pki: string;
  readonly state: string;
  readonly snapshots: string;
  /** How far a restoration is, while there is one. */
  readonly restoration: string;
  /** When the machine slept. */
  readonly sleeps: string;
  readonly logs: string;
  /** A file for each machine that was added as a node. */
  readonly nodes: string;
  /** The cluster's own key to its machines, and their keys. */
  readonly ssh: string;
  readonly kubeconfig: string;
  /** By what its window knows the browsers that it has let in. */
  readonly windowSession: string;
  /** Where a running `up` answers `status` and `down`. */
  readonly control: string;
}

export const defaultSettings: ClusterSettings = {
  serviceRange: '10.96.0.0/16',
  podRange: '10.244.0.0/16',
};

const validName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Throws for a name that could not be a folder's, a context's and a host's name alike. */
export function clusterProfile(home: string, name: string, dataDir?: string): ClusterProfile {
  if (!validName.test(name))
    throw new Error(
      `Cannot use "${name}" as the name of a cluster: use lower-case letters, digits and "-"`,
    );
  const folder = dataDir ?? join(home, 'clusters', name);
  return {
    name,
    folder,
    pki: join(folder, 'pki'),
    state: join(folder, 'state.db'),
    snapshots: join(folder, 'snapshots'),
    restoration: join(folder, 'restoration.json'),
    sleeps: join(folder, 'sleeps.json'),
    logs: join(folder, 'logs'),
    nodes: join(folder, 'nodes'),
    ssh: join(folder, 'ssh'),
    kubeconfig: join(folder, 'kubeconfig'),
    windowSession: join(folder, 'window-session'),
    control: join(folder, 'control.sock'),
  };
}

/** Makes the folder where it is absent; resolves to what is known of the cluster. */
export async function openProfile(profile: ClusterProfile): Promise<ClusterSettings> {
  await makePrivateFolder(profile.folder);
  return readSettings(profile);
}

export async function readSettings(profile: ClusterProfile): Promise<ClusterSettings> {
  const path = settingsPath(profile);
  const text = await readIfPresent(path);
  if (text === undefined) return defaultSettings;
  const value: unknown = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`Cannot read ${path}: it should be a list of settings, such as "port: 6443"`);
  return { ...defaultSettings, ...(value as Partial<ClusterSettings>) };
}

/** Writes only what changed. */
export async function writeSettings(
  profile: ClusterProfile,
  settings: ClusterSettings,
): Promise<void> {
  const text = stringify(settings);
  const path = settingsPath(profile);
  if ((await readIfPresent(path)) !== text) await writeAtomically(path, text);
}

/** The names of the clusters in this home. */
export async function clusterNames(home: string): Promise<readonly string[]> {
  const folder = join(home, 'clusters');
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Error(`Cannot read ${folder}: ${(cause as Error).message}`, { cause });
  }
}

function settingsPath({ folder }: ClusterProfile): string {
  return join(folder, 'cluster.yaml');
}
