import { createHmac } from 'node:crypto';
import { configMaps } from '#shared/api/core/config-map.ts';
import { secrets } from '#shared/api/core/secret.ts';
import type { ConfigMap, Secret } from '#shared/api/types/core-v1.ts';
import { cacheIndex, controller, trigger } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';

const prefix = 'bootstrap-token-';
const signaturePrefix = 'jws-kubeconfig-';
const clusterInfo = keyOf({ namespace: 'kube-public', name: 'cluster-info' });

const isBootstrapToken = ({ type, metadata }: Secret): boolean =>
  type === 'bootstrap.kubernetes.io/token' && metadata.namespace === 'kube-system';

function read({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString();
}

/** The milliseconds that a token still lives; it is over at once when its end cannot be read. */
function remainingMs(secret: Secret, now: number): number | undefined {
  const expiration = read(secret, 'expiration');
  if (!expiration) return undefined;
  const end = Date.parse(expiration);
  return Number.isNaN(end) ? 0 : Math.max(0, end - now);
}

/** Signs what new nodes read about the cluster with every token that is meant for it. */
export const bootstrapSigner = controller<ConfigMap>({
  name: 'bootstrap-signer',
  watches: configMaps,
  wakes: ({ after }) => {
    const key = after && keyOf(after.metadata);
    return key === clusterInfo ? [key] : [];
  },
  indexes: [
    cacheIndex(secrets, 'bootstrap', (secret) => (isBootstrapToken(secret) ? ['token'] : [])),
  ],
  triggers: [
    trigger(secrets, ({ before, after }) =>
      [before, after].some((secret) => secret && isBootstrapToken(secret)) ? [clusterInfo] : [],
    ),
  ],

  async reconcile(info, { cache, cluster, clock }) {
    const { kubeconfig } = info.data ?? {};
    if (kubeconfig === undefined) return;
    const others = Object.entries(info.data ?? {}).filter(
      ([key]) => !key.startsWith(signaturePrefix),
    );
    const signed: [string, string][] = [];
    for (const secret of cache.by(secrets, 'bootstrap', 'token')) {
      const id = read(secret, 'token-id');
      const value = read(secret, 'token-secret');
      const isMeant =
        id &&
        value &&
        secret.metadata.name === `${prefix}${id}` &&
        remainingMs(secret, clock.now()) !== 0 &&
        read(secret, 'usage-bootstrap-signing') === 'true';
      if (isMeant) signed.push([`${signaturePrefix}${id}`, signature(kubeconfig, id, value)]);
    }
    const data = Object.fromEntries([...others, ...signed]);
    const isSame =
      Object.keys(data).length === Object.keys(info.data ?? {}).length &&
      signed.every(([key, value]) => info.data?.[key] === value);
    if (isSame) return;
    try {
      await cluster.update(configMaps, { ...info, data });
    } catch (error) {
      if (!ApiError.is(error, 'Conflict', 'NotFound')) throw error;
    }
  },
});

/** A JWS without its payload. */
function signature(content: string, id: string, key: string): string {
  const head = Buffer.from(`{"alg":"HS256","kid":${JSON.stringify(id)}}`).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  const mac = createHmac('sha256', key).update(`${head}.${payload}`).digest('base64url');
  return `${head}..${mac}`;
}

/** Deletes bootstrap tokens that are over. */
export const tokenCleaner = controller<Secret>({
  name: 'token-cleaner',
  followsWall: true,
  watches: secrets,
  wakes: ({ after }) => (after && isBootstrapToken(after) ? [keyOf(after.metadata)] : []),

  async reconcile(secret, { cluster, clock }) {
    const left = remainingMs(secret, clock.now());
    if (left === undefined) return undefined;
    if (left > 0) return { afterMs: left };
    const { namespace, name, uid } = secret.metadata;
    try {
      await cluster.delete(secrets, { namespace, name }, { preconditions: { uid } });
    } catch (error) {
      if (!ApiError.is(error, 'Conflict', 'NotFound')) throw error;
    }
    return undefined;
  },
});
