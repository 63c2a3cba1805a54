import { copyFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import type { KeyPair } from '#main/clusters/pki.ts';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';

export interface KubeconfigEntry {
  /** The cluster's name; its context is `pilothouse-<name>`. */
  readonly name: string;
  readonly server: string;
  /** PEM */
  readonly authority: string;
  readonly client: KeyPair;
}

interface Named {
  readonly name: string;
  readonly [member: string]: unknown;
}

/** As far as merging has to understand it; everything else is kept as it is. */
interface Kubeconfig {
  readonly apiVersion: string;
  readonly kind: string;
  readonly clusters: readonly Named[];
  readonly users: readonly Named[];
  readonly contexts: readonly Named[];
  readonly 'current-context': string;
}

export function contextName(clusterName: string): string {
  return `pilothouse-${clusterName}`;
}

/** The text of a kubeconfig for this one cluster. */
export function kubeconfigText(entry: KubeconfigEntry): string {
  return stringify(kubeconfigOf(entry), { lineWidth: 0 });
}

/** Writes the cluster's own kubeconfig, if it does not say so already. */
export async function writeKubeconfig(path: string, entry: KubeconfigEntry): Promise<void> {
  const text = kubeconfigText(entry);
  if ((await readIfPresent(path)) !== text) await writeAtomically(path, text);
}

/**
 * Adds the cluster to somebody's kubeconfig and makes it the current context. What was there stays,
 * and the file as it was is kept beside it; resolves to that backup's path, if there was a file.
 */
export async function mergeKubeconfig(
  path: string,
  entry: KubeconfigEntry,
): Promise<{ readonly backup: string | undefined }> {
  const text = await readIfPresent(path);
  const own = kubeconfigOf(entry);
  const before = text === undefined ? undefined : parseKubeconfig(path, text);
  const merged = before
    ? {
        ...before,
        clusters: replaced(before.clusters, own.clusters),
        users: replaced(before.users, own.users),
        contexts: replaced(before.contexts, own.contexts),
        'current-context': own['current-context'],
      }
    : own;
  const backup = text === undefined ? undefined : `${path}.before-pilothouse`;
  if (backup) await copyFile(path, backup);
  await writeAtomically(path, stringify(merged, { lineWidth: 0 }));
  return { backup };
}

function kubeconfigOf({ name, server, authority, client }: KubeconfigEntry): Kubeconfig {
  const context = contextName(name);
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: context, cluster: { server, 'certificate-authority-data': base64(authority) } },
    ],
    users: [
      {
        name: context,
        user: {
          'client-certificate-data': base64(client.certificate),
          'client-key-data': base64(client.key),
        },
      },
    ],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    'current-context': context,
  };
}

function parseKubeconfig(path: string, text: string): Kubeconfig {
  const value: unknown = parse(text) ?? {};
  const isConfig =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    (!('kind' in value) || value.kind === 'Config');
  if (!isConfig)
    throw new Error(
      `Cannot merge into ${path}: it is no kubeconfig; name another file with KUBECONFIG`,
    );
  const { clusters, users, contexts, ...others } = value as Partial<Kubeconfig>;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': '',
    ...others,
    clusters: clusters ?? [],
    users: users ?? [],
    contexts: contexts ?? [],
  };
}

function replaced(before: readonly Named[], own: readonly Named[]): readonly Named[] {
  const names = new Set(own.map(({ name }) => name));
  return [...before.filter(({ name }) => !names.has(name)), ...own];
}

function base64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}
