import { apiReference } from '#main/control-plane/apiserver/admission/mirror-pod-references.ts';
import { audienceComplaint } from '#main/control-plane/apiserver/admission/node-token-audience.ts';
import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { objectOf, oldObjectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { mirrorAnnotation } from '#shared/api/core/pod/annotations.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { TokenRequest } from '#shared/api/types/authentication-v1.ts';
import type { PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { notFound } from '#shared/kube/errors.ts';

/** What a kubelet may do to pods: mirror its own, report on and evict those bound to it. */
export function admitPod(node: string, request: AdmissionRequest, context: AdmissionContext): void {
  const { operation, subresource } = request;
  if (subresource === 'status') {
    if (operation !== 'UPDATE') throw refuse(request, `unexpected operation ${quote(operation)}`);
    return admitStatus(node, request);
  }
  if (subresource === 'eviction') {
    if (operation !== 'CREATE') throw refuse(request, `unexpected operation ${operation}`);
    if (existingPod(request, context).spec?.nodeName === node) return undefined;
    throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
  }
  if (subresource !== '') {
    throw refuse(
      request,
      `unexpected pod subresource ${quote(subresource)}, only 'status' and 'eviction' are allowed`,
    );
  }
  if (operation === 'CREATE') return admitMirror(node, request, context);
  if (operation !== 'DELETE') {
    throw refuse(
      request,
      `unexpected operation ${quote(operation)}, node ${quote(node)} can only create and delete mirror pods`,
    );
  }
  if (existingPod(request, context).spec?.nodeName === node) return undefined;
  throw refuse(
    request,
    `node ${quote(node)} can only delete pods with spec.nodeName set to itself`,
  );
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function existingPod({ namespace, name }: AdmissionRequest, { objects }: AdmissionContext): Pod {
  const pod = objects.get(pods, { namespace, name });
  if (!pod) throw notFound({ group: '', plural: 'pod' }, name);
  return pod;
}

function admitMirror(node: string, request: AdmissionRequest, context: AdmissionContext): void {
  const pod = objectOf(request, pods);
  const own = quote(node);
  if (pod.metadata.annotations?.[mirrorAnnotation] === undefined) {
    throw refuse(
      request,
      `pod does not have ${quote(mirrorAnnotation)} annotation, node ${own} can only create mirror pods`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(request, `node ${own} can only create pods with spec.nodeName set to itself`);
  }
  checkOwner(node, request, context);
  const reference = apiReference(pod);
  if (reference?.error !== undefined) {
    throw refuse(request, `error checking mirror pod for API references: ${reference.error}`);
  }
  if (reference) {
    throw refuse(request, `node ${own} can not create pods that reference ${reference.resource}`);
  }
}

function checkOwner(node: string, request: AdmissionRequest, { objects }: AdmissionContext): void {
  const { ownerReferences = [] } = objectOf(request, pods).metadata;
  const own = quote(node);
  const [owner] = ownerReferences;
  if (ownerReferences.length > 1) {
    throw refuse(
      request,
      `node ${own} can only create pods with a single owner reference set to itself`,
    );
  }
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw refuse(request, `node ${own} can only create pods with an owner reference set to itself`);
  }
  if (!owner.controller) {
    throw refuse(
      request,
      `node ${own} can only create pods with a controller owner reference set to itself`,
    );
  }
  if (owner.blockOwnerDeletion) {
    throw refuse(request, `node ${own} must not set blockOwnerDeletion on an owner reference`);
  }
  const known = objects.get(nodes, { name: node });
  if (!known) throw notFound({ group: '', plural: 'node' }, node);
  if (owner.uid !== known.metadata.uid) {
    throw refuse(
      request,
      `node ${node} UID mismatch: expected ${owner.uid} got ${known.metadata.uid}`,
    );
  }
}

function admitStatus(node: string, request: AdmissionRequest): void {
  const pod = objectOf(request, pods);
  const old = oldObjectOf(request, pods);
  const own = quote(node);
  if (old.spec?.nodeName !== node) {
    throw refuse(
      request,
      `node ${own} can only update pod status for pods with spec.nodeName set to itself`,
    );
  }
  if (!semanticEqual(old.metadata.labels ?? {}, pod.metadata.labels ?? {})) {
    throw refuse(request, `node ${own} cannot update labels through pod status`);
  }
  const [before, after] = [old.status, pod.status];
  if (!semanticEqual(before?.resourceClaimStatuses ?? [], after?.resourceClaimStatuses ?? [])) {
    throw refuse(request, `node ${own} cannot update resource claim statues`);
  }
  if (!semanticEqual(before?.extendedResourceClaimStatus, after?.extendedResourceClaimStatus)) {
    throw refuse(request, `node ${own} cannot update extended resource claim status`);
  }
}

/** Of a claim a kubelet reports how far growing it went. */
export function admitClaimStatus(node: string, request: AdmissionRequest): void {
  if (request.operation !== 'UPDATE') {
    throw refuse(request, `unexpected operation ${quote(request.operation)}`);
  }
  const claim = objectOf(request, persistentVolumeClaims);
  const old = oldObjectOf(request, persistentVolumeClaims);
  if (semanticEqual(withoutGrowth(claim), withoutGrowth(old))) return;
  throw refuse(
    request,
    `node ${quote(node)} is not allowed to update fields other than status.quantity and status.conditions`,
  );
}

function withoutGrowth({ metadata, status, ...claim }: PersistentVolumeClaim): unknown {
  const { resourceVersion: _version, managedFields: _fields, ...restOfMetadata } = metadata;
  const {
    capacity: _capacity,
    conditions: _conditions,
    allocatedResources: _allocated,
    allocatedResourceStatuses: _statuses,
    ...restOfStatus
  } = status;
  return { ...claim, metadata: restOfMetadata, status: restOfStatus };
}

/** Tokens for pods that run on the node, for audiences that they use. */
export async function admitToken(
  node: string,
  request: AdmissionRequest,
  context: AdmissionContext & { readonly authorizer: Authorizer },
): Promise<void> {
  const { spec } = request.object as unknown as TokenRequest;
  const reference = spec.boundObjectRef;
  if (reference?.apiVersion !== 'v1' || reference.kind !== 'Pod' || !reference.name) {
    throw refuse(request, 'node requested token not bound to a pod');
  }
  if (!reference.uid) {
    throw refuse(request, 'node requested token with a pod binding without a uid');
  }
  const { namespace } = request;
  const pod = existingPod({ ...request, namespace, name: reference.name }, context);
  if (reference.uid !== pod.metadata.uid) {
    throw refuse(
      request,
      `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(request, 'node requested token bound to a pod scheduled on a different node');
  }
  const complaint = await audienceComplaint(pod, request, context);
  if (complaint !== undefined) throw refuse(request, complaint);
}
