import type { Pod, Secret } from '#shared/api/types/core-v1.ts';
import type { ClusterObjects } from '../objects.ts';
import { without } from '../status/without.ts';
import { registryOf } from './reference.ts';

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly auth: string;
  readonly serverAddress: string;
}

export interface PullSecrets {
  readonly secrets: readonly Secret[];
  readonly missing: readonly string[];
}

export async function pullSecrets(pod: Pod, objects: ClusterObjects): Promise<PullSecrets> {
  const { namespace = '' } = pod.metadata;
  const secrets: Secret[] = [];
  const missing: string[] = [];
  for (const { name = '' } of pod.spec.imagePullSecrets ?? []) {
    const found = await objects.secret(namespace, name);
    if (found) secrets.push(found);
    else missing.push(name);
  }
  return { secrets, missing };
}

interface DockerAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
}

/** Every login that the secrets hold for the image's registry, the most specific first. */
export function credentialsFor(image: string, secrets: readonly Secret[]): RegistryCredentials[] {
  const registry = registryOf(image);
  const found: (RegistryCredentials & { readonly path: string })[] = [];
  for (const { data = {} } of secrets) {
    for (const [address, auth] of Object.entries(authsOf(data))) {
      const path = address.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
      const isHub = registry === 'docker.io' && /(^|\.)docker\.io$/.test(path.split('/')[0] ?? '');
      const isMatch = image === path || image.startsWith(`${path}/`) || path === registry || isHub;
      if (isMatch) found.push({ ...login(auth), serverAddress: address, path });
    }
  }
  return found.toSorted((a, b) => b.path.length - a.path.length).map((one) => without(one, 'path'));
}

function authsOf(data: Readonly<Record<string, string>>): Readonly<Record<string, DockerAuth>> {
  const read = (base64: string): unknown =>
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  if (data['.dockerconfigjson'])
    return (read(data['.dockerconfigjson']) as { auths?: Record<string, DockerAuth> }).auths ?? {};
  return data['.dockercfg'] ? (read(data['.dockercfg']) as Record<string, DockerAuth>) : {};
}

function login({
  username = '',
  password = '',
  auth = '',
}: DockerAuth): Omit<RegistryCredentials, 'serverAddress'> {
  if (username || !auth) return { username, password, auth: '' };
  const [user = '', ...rest] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  return { username: user, password: rest.join(':'), auth: '' };
}
