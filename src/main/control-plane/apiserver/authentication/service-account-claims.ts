import type { Payload } from '#main/control-plane/apiserver/authentication/json-web-token.ts';
import { parseServiceAccountName } from '#main/control-plane/apiserver/authentication/users.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

/** Throws when what the token stands on is gone. */
export type AccountCheck = (now: {
  readonly objects: ObjectCache;
  readonly now: number;
  readonly token: string;
}) => void;

/** The service account that a token names, and how to see whether it still may. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string; readonly uid?: string };
  readonly credentialId?: string;
  readonly check: AccountCheck;
}

interface Claim {
  readonly name: string;
  readonly uid: string;
}

interface KubernetesClaims {
  readonly namespace: string;
  readonly serviceaccount: Claim;
  readonly pod?: Claim;
  readonly secret?: Claim;
  readonly node?: Claim;
}

/** What has been deleted for longer than this no longer vouches for anybody. */
const leewayMs = 60_000;

/** The account of a token that TokenRequest issued. Throws when claims are missing. */
export function boundAccount(payload: Payload): Account {
  const claims = payload['kubernetes.io'] as KubernetesClaims | undefined;
  const { namespace, serviceaccount, pod, node } = claims ?? {};
  if (!claims || !namespace || !serviceaccount?.name)
    throw refused('kubernetes.io claim is missing');
  return {
    namespace,
    name: serviceaccount.name,
    uid: serviceaccount.uid,
    ...(pod && { pod }),
    ...(node && { node }),
    ...(payload.jti && { credentialId: payload.jti }),
    check: (at) => checkBound(claims, at),
  };
}

function checkBound(
  { namespace, serviceaccount, pod, secret, node }: KubernetesClaims,
  { objects, now }: Parameters<AccountCheck>[0],
): void {
  const { name } = serviceaccount;
  const account = objects.get(serviceAccounts, { namespace, name });
  if (!account) throw refused(`serviceaccounts "${name}" not found`);
  if (account.metadata.uid !== serviceaccount.uid)
    throw refused(
      `service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`,
    );
  if (isLongDeleted(account, now))
    throw refused(`service account ${namespace}/${name} has been deleted`);
  const check = <T extends KubeObject>(resource: Resource<T>, claim: Claim, what: string): void => {
    const scope = resource.scope === 'Namespaced' ? { namespace } : {};
    const object = objects.get(resource, { ...scope, name: claim.name });
    if (!object || isLongDeleted(object, now))
      throw refused('service account token has been invalidated');
    if (object.metadata.uid !== claim.uid)
      throw refused(
        `${what} UID (${object.metadata.uid}) does not match service account ${what} ref claim (${claim.uid})`,
      );
  };
  if (secret) check(secrets, secret, 'secret');
  if (pod) check(pods, pod, 'pod');
  else if (node) check(nodes, node, 'node');
}

const legacyPrefix = 'kubernetes.io/serviceaccount/';
const invalidSince = 'kubernetes.io/legacy-token-invalid-since';

/** The account of a token that lies in a secret. Throws when claims are missing. */
export function legacyAccount(payload: Payload): Account {
  const claim = (name: string, title: string): string => {
    const value = payload[`${legacyPrefix}${name}`];
    if (typeof value !== 'string' || !value) throw refused(`${title} claim is missing`);
    return value;
  };
  if (!payload.sub) throw refused('sub claim is missing');
  const namespace = claim('namespace', 'namespace');
  const secretName = claim('secret.name', 'secretName');
  const name = claim('service-account.name', 'serviceAccountName');
  const uid = claim('service-account.uid', 'serviceAccountUID');
  const subject = parseServiceAccountName(payload.sub);
  if (subject?.namespace !== namespace || subject.name !== name)
    throw refused('sub claim is invalid');
  return {
    namespace,
    name,
    uid,
    check: (at) => checkLegacy({ namespace, secretName, name, uid }, at),
  };
}

function checkLegacy(
  claims: { namespace: string; secretName: string; name: string; uid: string },
  { objects, token }: Parameters<AccountCheck>[0],
): void {
  const { namespace, secretName, name, uid } = claims;
  const secret = objects.get(secrets, { namespace, name: secretName });
  if (!secret || secret.metadata.deletionTimestamp) throw refused('Token has been invalidated');
  if (Buffer.from(secret.data?.['token'] ?? '', 'base64').toString() !== token)
    throw refused("Token does not match server's copy");
  const account = objects.get(serviceAccounts, { namespace, name });
  if (!account) throw refused(`serviceaccounts "${name}" not found`);
  if (account.metadata.deletionTimestamp)
    throw refused(`ServiceAccount ${namespace}/${name} has been deleted`);
  if (account.metadata.uid !== uid)
    throw refused(`ServiceAccount UID (${account.metadata.uid}) does not match claim (${uid})`);
  if (secret.metadata.labels?.[invalidSince])
    throw refused(
      `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSince}' label from the secret to temporarily allow use of this token`,
    );
}

function isLongDeleted({ metadata }: KubeObject, now: number): boolean {
  const { deletionTimestamp } = metadata;
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < now - leewayMs;
}

function refused(why: string): ApiError {
  return new ApiError('Unauthorized', why);
}
