import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceAccounts } from '#agent/api/resources.ts';
import type { Pod, ServiceAccountTokenProjection } from '#shared/api/types/core-v1.ts';
import type { TokenRequest } from '#shared/api/types/authentication-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { VolumeContext } from './context.ts';

interface HeldToken {
  readonly token: string;
  /** When a new one is to be asked for, and until when this one is good, in milliseconds since 1970. */
  readonly renewAt: number;
  readonly endsAt: number;
}

const maxAgeMs = 24 * 3600 * 1000;

/**
 * The tokens of this node's pods, on disk as well: after a reboot a pod starts with the last one
 * though the API is away. A folder for each pod, a file for each token.
 */
export class HeldTokens {
  readonly #folder: string;
  readonly #known = new Map<string, HeldToken>();

  /** The folder is private. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(uid: string, what: string): Promise<HeldToken | undefined> {
    const file = this.#file(uid, what);
    const held = this.#known.get(file) ?? (await read(file));
    if (held) this.#known.set(file, held);
    return held;
  }

  async put(uid: string, what: string, token: HeldToken): Promise<void> {
    const file = this.#file(uid, what);
    this.#known.set(file, token);
    await mkdir(join(this.#folder, uid), { recursive: true, mode: 0o700 });
    const scratch = `${file}.${randomUUID()}`;
    await writeFile(scratch, JSON.stringify(token), { mode: 0o600 });
    await rename(scratch, file);
  }

  async forget(uid: string): Promise<void> {
    const folder = join(this.#folder, uid);
    for (const file of this.#known.keys())
      if (file.startsWith(`${folder}/`)) this.#known.delete(file);
    await rm(folder, { recursive: true, force: true });
  }

  #file(uid: string, what: string): string {
    return join(this.#folder, uid, createHash('sha256').update(what).digest('hex').slice(0, 16));
  }
}

/** What a power cut left of a file may be nothing: then a new token is asked for. */
async function read(file: string): Promise<HeldToken | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as HeldToken;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * A token bound to the pod: the one at hand until four fifths of its life, or a day, have passed. While
 * no new one is to be had, it stays, as upstream's; with the API away even after its end, since then
 * nobody is there who would refuse it.
 */
export async function serviceAccountToken(
  pod: Pod,
  projection: ServiceAccountTokenProjection,
  { cluster, clock, tokens, log }: VolumeContext,
): Promise<string> {
  const { uid } = pod.metadata;
  const { audience = '', expirationSeconds = 3600 } = projection;
  const what = [pod.spec.serviceAccountName ?? 'default', audience, expirationSeconds].join('/');
  const held = await tokens.get(uid, what);
  const now = clock.now();
  if (held && now < held.renewAt) return held.token;
  try {
    const { token, expirationTimestamp } = (await requested(cluster, pod, projection)).status;
    const endsAt = expirationTimestamp ? Date.parse(expirationTimestamp) : now;
    const renewAt = now + Math.min((endsAt - now) * 0.8, maxAgeMs);
    await tokens.put(uid, what, { token, renewAt, endsAt });
    return token;
  } catch (error) {
    if (!held || (now >= held.endsAt && !ApiError.is(error, 'ServiceUnavailable'))) throw error;
    log.info('No new token for a pod; it keeps the one that it has', { pod: uid, error });
    return held.token;
  }
}

async function requested(
  cluster: VolumeContext['cluster'],
  pod: Pod,
  { audience = '', expirationSeconds = 3600 }: ServiceAccountTokenProjection,
): Promise<TokenRequest> {
  const { uid, name, namespace = '' } = pod.metadata;
  const account = pod.spec.serviceAccountName ?? 'default';
  return (await cluster.post(
    serviceAccounts,
    { namespace, name: account, subresource: 'token' },
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: {
        audiences: audience ? [audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  )) as TokenRequest;
}
