import { secrets } from '#shared/api/core/secret.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Secret, ServiceAccount } from '#shared/api/types/core-v1.ts';
import {
  controller,
  trigger,
  type Controller,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';

const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const uidAnnotation = 'kubernetes.io/service-account.uid';

export interface TokenSecretOptions {
  readonly caBundle: string;
  /** Signs a token with these claims. */
  signToken(claims: Readonly<Record<string, string>>): Promise<string>;
}

/** Fills token secrets that people made by hand, and removes those of accounts that are gone. */
export function createTokenController(options: TokenSecretOptions): Controller<Secret> {
  return controller<Secret>({
    name: 'tokens-controller',
    watches: secrets,
    wakes: ({ before, after }) =>
      (after ?? before)!.type === tokenType ? [keyOf((after ?? before)!.metadata)] : [],
    triggers: [
      trigger(serviceAccounts, ({ before, after }, cache) => {
        const { namespace, name } = (after ?? before)!.metadata;
        const wakes: string[] = [];
        for (const secret of cache.inNamespace(secrets, namespace!))
          if (secret.type === tokenType && secret.metadata.annotations?.[nameAnnotation] === name)
            wakes.push(keyOf(secret.metadata));
        return wakes;
      }),
    ],
    reconcile: (secret, context) => reconcile(secret, context, options),
    gone: forgetReference,
  });
}

async function reconcile(
  secret: Secret,
  context: ReconcileContext,
  options: TokenSecretOptions,
): Promise<void> {
  const { metadata, data = {} } = secret;
  if (secret.type !== tokenType || metadata.deletionTimestamp) return;
  const account = await accountOf(secret, context);
  if (!account) return await remove(secret, context);
  const { namespace } = metadata;
  const ca = toBase64(options.caBundle);
  const isComplete = data['token'] && data['ca.crt'] === ca && data['namespace'];
  const hasUid = metadata.annotations?.[uidAnnotation] !== undefined;
  if (isComplete && hasUid) return;
  const token = data['token'] ?? toBase64(await options.signToken(claimsFor(secret, account)));
  try {
    await context.cluster.update(secrets, {
      ...secret,
      metadata: {
        ...metadata,
        annotations: {
          ...metadata.annotations,
          [nameAnnotation]: account.metadata.name,
          [uidAnnotation]: account.metadata.uid,
        },
      },
      data: { ...data, 'ca.crt': ca, namespace: data['namespace'] ?? toBase64(namespace!), token },
    });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

/** The account that the secret is for; asked of the server before it counts as gone. */
async function accountOf(
  { metadata }: Secret,
  { cache, cluster }: ReconcileContext,
): Promise<ServiceAccount | undefined> {
  const { namespace } = metadata;
  const name = metadata.annotations?.[nameAnnotation];
  const uid = metadata.annotations?.[uidAnnotation];
  if (!name) return undefined;
  const isRight = (account: ServiceAccount): boolean => !uid || account.metadata.uid === uid;
  const cached = cache.get(serviceAccounts, keyOf({ namespace, name }));
  if (cached && isRight(cached)) return cached;
  try {
    const live = await cluster.get(serviceAccounts, { namespace, name });
    return isRight(live) ? live : undefined;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function remove({ metadata }: Secret, { cluster }: ReconcileContext): Promise<void> {
  const { namespace, name, uid } = metadata;
  try {
    await cluster.delete(secrets, { namespace, name }, { preconditions: { uid } });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

function claimsFor(secret: Secret, { metadata }: ServiceAccount): Readonly<Record<string, string>> {
  const { namespace, name, uid } = metadata;
  const prefix = 'kubernetes.io/serviceaccount';
  return {
    iss: prefix,
    [`${prefix}/namespace`]: namespace!,
    [`${prefix}/secret.name`]: secret.metadata.name,
    [`${prefix}/service-account.name`]: name,
    [`${prefix}/service-account.uid`]: uid,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}

/** An account must not list a secret that is gone. */
async function forgetReference({ key, cache, cluster }: ReconcileContext): Promise<void> {
  const [namespace = '', name] = key.split('/');
  for (const account of cache.inNamespace(serviceAccounts, namespace)) {
    const kept = account.secrets?.filter((one) => one.name !== name);
    if (!kept || kept.length === account.secrets!.length) continue;
    const { secrets: _, ...others } = account;
    const next = kept.length > 0 ? { ...others, secrets: kept } : others;
    try {
      await cluster.update(serviceAccounts, next);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

function toBase64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
