import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { Reinvocation } from '#main/control-plane/apiserver/admission/dynamic/reinvocation.ts';
import type { Catalog } from '#main/control-plane/apiserver/catalog.ts';
import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import type { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** One request on its way to the store. */
export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  readonly resource: Resource;
  /** '' for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** '' while a create leaves the name to the server. */
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** As it would be stored; mutating plugins change it in place. Absent for DELETE. */
  readonly object: Draft<KubeObject> | undefined;
  /** As it is stored; absent for CREATE. */
  readonly oldObject: KubeObject | undefined;
  /** CreateOptions, UpdateOptions, PatchOptions, DeleteOptions or the connect's options. */
  readonly options: unknown;
  /** How `object` is read from JSON, where it is not the resource's own kind. */
  readonly codec?: ObjectCodec | undefined;
  /** Adds a sentence to the response's `Warning` headers. */
  warn(sentence: string): void;
}

export interface AdmissionContext {
  readonly objects: ObjectCache;
  /** The API server's own identity, for what a plugin has to write. */
  readonly cluster: Cluster;
  readonly catalog: Catalog;
  readonly webhooks: WebhookCaller;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * One admission plugin, named as upstream names it. `admit` may change the object and runs before
 * validation, `validate` may only refuse and runs after it. A refusal is a thrown `ApiError`.
 */
export interface AdmissionPlugin {
  readonly name: string;
  handles(operation: AdmissionOperation, resource: Resource, subresource: string): boolean;
  admit?(
    request: AdmissionRequest,
    context: AdmissionContext,
    reinvocation: Reinvocation,
  ): Promise<void> | void;
  validate?(request: AdmissionRequest, context: AdmissionContext): Promise<void> | void;
  /** Takes back what `validate` charged (a quota) when the write did not happen after all. */
  revert?(request: AdmissionRequest, context: AdmissionContext): Promise<void> | void;
}
