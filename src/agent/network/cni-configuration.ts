import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where the container runtime looks for its network, and where the plugins keep who has which address. */
export interface CniPlaces {
  readonly configuration: string;
  readonly leases: string;
}

/**
 * The name sorts behind what other networks write, so that one of them may take over. Leases are
 * forgotten at a reboot: pods that come back ask for what they had.
 */
export const cniPlaces: CniPlaces = {
  configuration: '/etc/cni/net.d/10-pilothouse.conflist',
  leases: '/run/pilothouse/cni-leases',
};

/** Of the configuration: the plugins keep their leases under it. */
export const networkName = 'pilothouse';

export interface PodNetwork {
  /** The addresses of this node's pods. */
  readonly podRange: string;
  /** Of the link that the node itself has; pods' packets must fit through. */
  readonly mtu: number;
}

/**
 * What the container runtime is to do for each pod's network: a link of its own with the node as the
 * way to everywhere, an address of the node's range, and host ports. Version 0.4.0 is what the oldest
 * plugins in use understand.
 */
function cniConfiguration({ podRange, mtu }: PodNetwork, leases: string): string {
  const configuration = {
    cniVersion: '0.4.0',
    name: networkName,
    plugins: [
      {
        type: 'ptp',
        mtu,
        ipam: {
          type: 'host-local',
          dataDir: leases,
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

/** Puts the configuration in place whole: the runtime watches the folder. True if it was another one. */
export async function writeCniConfiguration(
  network: PodNetwork,
  { configuration: file, leases }: CniPlaces,
): Promise<boolean> {
  const wanted = cniConfiguration(network, leases);
  const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === wanted) return false;
  await mkdir(dirname(file), { recursive: true });
  const draft = join(dirname(file), '.10-pilothouse.new');
  await writeFile(draft, wanted);
  await rename(draft, file);
  return true;
}

export async function removeCniConfiguration({ configuration, leases }: CniPlaces): Promise<void> {
  await rm(configuration, { force: true });
  await rm(leases, { recursive: true, force: true });
}
