import type {
  TokenIssuer,
  TokenSubject,
} from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { BoundObjectReference, TokenRequest } from '#shared/api/types/authentication-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import { conflict, invalid, notFound, ApiError, type FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { KubeObject, New } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

export interface TokenRequestOptions {
  readonly issuer: TokenIssuer;
  readonly objects: ObjectCache;
  readonly clock: Clock;
}

/** Answers a post to the `token` subresource of a service account. */
export type IssueToken = (
  account: { readonly namespace: string; readonly name: string },
  request: New<TokenRequest>,
) => Promise<TokenRequest>;

const kind = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
const defaultSeconds = 3600;
const shortestSeconds = 600;
const longestSeconds = 2 ** 32;
/** What upstream's kubelet asks for: such tokens hold for a year, and are stale after an hour. */
const warnOnlySeconds = 3607;
const extendedSeconds = 365 * 86_400;

export function createTokenRequests({ issuer, objects, clock }: TokenRequestOptions): IssueToken {
  return async ({ namespace, name }, request) => {
    checkNames(request, { namespace, name });
    const account = objects.get(serviceAccounts, { namespace, name });
    if (!account) throw notFound(serviceAccounts, name);
    const { uid } = account.metadata;
    if (request.metadata.uid && request.metadata.uid !== uid)
      throw conflict(
        { group: kind.group, plural: kind.kind },
        name,
        `the UID in the token request (${request.metadata.uid}) does not match the UID of the service account (${uid})`,
      );
    const expirationSeconds = request.spec?.expirationSeconds ?? defaultSeconds;
    const spec = { ...request.spec, expirationSeconds };
    const audiences = spec.audiences?.length ? spec.audiences : issuer.audiences;
    const faults = [...checkSeconds(spec.expirationSeconds)];
    if (faults.length > 0) throw invalid(kind, '', faults);

    const bound = spec.boundObjectRef
      ? boundTo(objects, spec.boundObjectRef, { namespace, name })
      : {};
    const isExtended =
      bound.pod !== undefined &&
      spec.expirationSeconds === warnOnlySeconds &&
      audiences.every((audience) => issuer.audiences.includes(audience));
    const now = clock.now();
    const token = await issuer.issue(
      { namespace, serviceAccount: { name, uid }, ...bound },
      isExtended
        ? { audiences, seconds: extendedSeconds, warnAfterSeconds: warnOnlySeconds }
        : { audiences, seconds: spec.expirationSeconds },
    );
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, uid, creationTimestamp: timestamp(now) },
      spec: { ...spec, audiences },
      status: { token, expirationTimestamp: timestamp(now + spec.expirationSeconds * 1000) },
    } as TokenRequest;
  };
}

function checkNames(
  { metadata }: New<TokenRequest>,
  { namespace, name }: { namespace: string; name: string },
): void {
  const refuse = (field: 'name' | 'namespace'): never => {
    const detail = `must match the service account ${field} if specified`;
    throw invalid(kind, name, [invalidValue(`metadata.${field}`, metadata[field], detail)]);
  };
  if (metadata.name && metadata.name !== name) refuse('name');
  if (metadata.namespace && metadata.namespace !== namespace) refuse('namespace');
}

function* checkSeconds(seconds: number): Generator<FieldError> {
  const field = 'spec.expirationSeconds';
  if (seconds < shortestSeconds)
    yield invalidValue(field, seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > longestSeconds)
    yield invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds');
}

type Bound = Pick<TokenSubject, 'pod' | 'node' | 'secret'>;

function boundTo(
  objects: ObjectCache,
  wanted: BoundObjectReference,
  { namespace, name: accountName }: { namespace: string; name: string },
): Bound {
  const { apiVersion = '', kind = '', name = '' } = wanted;
  const find = <T extends KubeObject>(resource: Resource<T>): T => {
    const scope = resource.scope === 'Namespaced' ? { namespace } : {};
    const object = objects.get(resource, { ...scope, name });
    if (!object) throw notFound(resource, name);
    return object;
  };
  switch (`${apiVersion}/${kind}`) {
    case 'v1/Pod': {
      const pod = find(pods);
      if (pod.spec.serviceAccountName !== accountName)
        throw new ApiError(
          'BadRequest',
          `cannot bind token for serviceaccount ${JSON.stringify(accountName)} to pod running with different serviceaccount name.`,
        );
      const { nodeName } = pod.spec;
      return {
        pod: referenceTo(pod, wanted),
        ...(nodeName && { node: nodeOf(objects, nodeName) }),
      };
    }
    case 'v1/Node':
      return { node: referenceTo(find(nodes), wanted) };
    case 'v1/Secret':
      return { secret: referenceTo(find(secrets), wanted) };
    default:
      throw new ApiError(
        'BadRequest',
        `cannot bind token to object of type ${groupVersionKind(apiVersion, kind)}`,
      );
  }
}

/** A node that is gone is still named, without a uid: the token then says at least where its pod was. */
function nodeOf(objects: ObjectCache, name: string): { name: string; uid?: string } {
  const node = objects.get(nodes, { name });
  return node ? { name, uid: node.metadata.uid } : { name };
}

function referenceTo(
  { metadata: { name, uid } }: KubeObject,
  wanted: BoundObjectReference,
): { name: string; uid: string } {
  if (!wanted.uid || wanted.uid === uid) return { name, uid };
  throw conflict(
    { group: '', plural: wanted.kind ?? '' },
    name,
    `the UID in the bound object reference (${wanted.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
  );
}

/** As Go prints a GroupVersionKind. */
function groupVersionKind(apiVersion: string, kind: string): string {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return `${group}/${apiVersion.slice(slash + 1)}, Kind=${kind}`;
}

function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
