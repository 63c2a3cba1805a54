import type { AdmissionRequest } from '#main/control-plane/apiserver/admission/plugin.ts';
import { codecOf } from '#main/control-plane/apiserver/registry/built-in-codec.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { decodeBody } from '#main/control-plane/apiserver/registry/decode-body.ts';
import { settleNamespace } from '#main/control-plane/apiserver/registry/metadata.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseWriteOptions,
  type WriteOptions,
} from '#main/control-plane/apiserver/request/write-options.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

export interface Posted<T extends KubeObject> {
  readonly object: Draft<T>;
  readonly options: WriteOptions;
  readonly isDryRun: boolean;
  /** To be called just before the effect. */
  consent(): Promise<void>;
}

interface PostedType {
  /** The schema's name, such as `policy.v1.Eviction`. */
  readonly type: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly acceptsAnyVersion?: boolean;
}

/** What was posted to a subresource with a kind of its own, through mutating admission. */
export async function readPosted<T extends KubeObject>(
  request: ResourceRequest,
  core: Core,
  type: PostedType,
): Promise<Posted<T>> {
  const options = parseWriteOptions('CreateOptions', request.query);
  const served = { ...request.served, codec: codecOf(type) };
  const object = decodeBody({ ...request, served }, options);
  settleNamespace(object.metadata, request.served.resource, request.namespace);
  const admission: AdmissionRequest = {
    operation: 'CREATE',
    resource: request.served.resource,
    subresource: request.subresource,
    namespace: request.namespace,
    name: request.name || object.metadata.name,
    user: request.user,
    dryRun: options.dryRun !== undefined,
    object,
    oldObject: undefined,
    options,
    codec: served.codec,
    warn: request.warn,
  };
  await core.admission.admit(admission);
  return {
    object: object as Draft<T>,
    options,
    isDryRun: options.dryRun !== undefined,
    async consent() {
      await core.admission.validate(admission);
    },
  };
}

/** The `Status` that upstream answers where nothing else is to be said. */
export function success(code: number): ResourceResponse {
  const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code };
  return { type: 'object', code, object };
}
