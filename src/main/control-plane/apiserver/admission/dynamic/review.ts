import { randomUUID } from 'node:crypto';
import { kindOf, resourceOf } from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import type { VersionedRequest } from '#main/control-plane/apiserver/admission/dynamic/versioned.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

/** What a webhook decided. */
export interface ReviewResponse {
  readonly isAllowed: boolean;
  /** The operations of a JSON patch. */
  readonly patch: readonly unknown[] | undefined;
  readonly result: Status | undefined;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

const group = 'admission.k8s.io';
const knownVersions = ['v1', 'v1beta1'];

export interface Review {
  readonly uid: string;
  readonly version: string;
  readonly body: unknown;
}

/** The question to a webhook in the first version that it and we know; nothing if there is none. */
export function createReview(
  versioned: VersionedRequest,
  accepted: readonly string[],
): Review | undefined {
  const version = accepted.find((each) => knownVersions.includes(each));
  if (!version) return undefined;
  const uid = randomUUID();
  const { request, kind, resource, object, oldObject, options } = versioned;
  const { subresource, name, namespace, operation, user, dryRun } = request;
  const body = {
    kind: 'AdmissionReview',
    apiVersion: `${group}/${version}`,
    request: {
      uid,
      kind,
      resource,
      ...(subresource && { subResource: subresource }),
      requestKind: kindOf(request.resource, subresource),
      requestResource: resourceOf(request.resource),
      ...(subresource && { requestSubResource: subresource }),
      ...(name && { name }),
      ...(namespace && { namespace }),
      operation,
      userInfo: {
        username: user.name,
        ...(user.uid && { uid: user.uid }),
        groups: user.groups,
        ...(user.extra && { extra: user.extra }),
      },
      object: object ?? null,
      oldObject: oldObject ?? null,
      dryRun,
      options: options ?? null,
    },
  };
  return { uid, version, body };
}

interface AdmissionReview {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly response?: {
    readonly uid?: string;
    readonly allowed?: boolean;
    readonly status?: Status;
    readonly patch?: string;
    readonly patchType?: string;
    readonly warnings?: readonly string[];
    readonly auditAnnotations?: Readonly<Record<string, string>>;
  };
}

/** Throws what is wrong with an answer, in upstream's words. */
export function readReview(
  answer: unknown,
  { uid, version }: Review,
  { isMutating }: { readonly isMutating: boolean },
): ReviewResponse {
  const { kind = '', apiVersion = '', response } = (answer ?? {}) as AdmissionReview;
  if (!response) throw new Error('webhook response was absent');
  if (version === 'v1') {
    if (response.uid !== uid) {
      throw new Error(
        `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
      );
    }
    if (kind !== 'AdmissionReview' || apiVersion !== `${group}/v1`) {
      throw new Error(
        `expected webhook response of ${group}/v1, Kind=AdmissionReview, got ${apiVersion}, Kind=${kind}`,
      );
    }
    checkPatch(response, isMutating);
  }
  const { allowed = false, status, warnings = [], auditAnnotations = {}, patch } = response;
  return {
    isAllowed: allowed,
    patch: isMutating && patch ? operationsOf(patch, response.patchType) : undefined,
    result: status,
    warnings,
    auditAnnotations,
  };
}

function checkPatch(
  { patch, patchType }: NonNullable<AdmissionReview['response']>,
  isMutating: boolean,
): void {
  if (!isMutating) {
    if (patch) throw new Error('validating webhook may not return response.patch');
    if (patchType !== undefined) {
      throw new Error('validating webhook may not return response.patchType');
    }
    return;
  }
  if (patch && patchType === undefined) {
    throw new Error('webhook returned response.patch but not response.patchType');
  }
  if (!patch && patchType !== undefined) {
    throw new Error('webhook returned response.patchType but not response.patch');
  }
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
}

/** A patch that cannot be read is thrown as what it is, not as an invalid response. */
export class UnreadablePatch extends Error {}

function operationsOf(patch: string, patchType = 'JSONPatch'): readonly unknown[] {
  if (patchType !== 'JSONPatch') {
    throw new UnreadablePatch(`unsupported patch type ${JSON.stringify(patchType)}`);
  }
  try {
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as unknown;
    if (Array.isArray(operations)) return operations;
    throw new TypeError('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  } catch (cause) {
    throw new UnreadablePatch(
      `received undecodable patch in webhook response: ${(cause as Error).message}`,
      { cause },
    );
  }
}

export function patched(object: unknown, operations: readonly unknown[]): unknown {
  return applyJsonPatch(object, operations);
}
