import { decodeObject } from '#shared/api/codec/decode.ts';
import { DecodeError } from '#shared/api/codec/decode-context.ts';
import { resources } from '#shared/api/index.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import type { Pod, Service } from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { applyJsonPatch } from '#shared/kube/patch/json-patch.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import { validateChange, validateNew } from '#shared/kube/validation.ts';
import { bases, type Answer, type Json } from './facts.ts';
import type { ProbeRequest } from './player.ts';

/**
 * Decoding, defaults, preparation and validation of built-in kinds without a server: what a server
 * adds to them (names, addresses, service accounts) is made up here as far as the rules look at it.
 */

/** The probe changes something that only a whole server would have put there. */
export class MissingState extends Error {}

const byPath = new Map<string, Resource>(
  resources.map((resource) => [`${groupVersionOf(resource)}/${resource.plural}`, resource]),
);
const stored = new Map<string, KubeObject>();
const uid = '6a1b2c3d-0000-4000-8000-000000000000';
const createdAt = '2026-01-01T00:00:00Z';

export function resourceAt(path: string): Resource {
  const resource = byPath.get(path);
  if (!resource) throw new Error(`There is no built-in resource ${path}`);
  return resource;
}

export function send({ method, resource: path, base, body }: ProbeRequest): Answer {
  const resource = resourceAt(path);
  try {
    return method === 'POST' ? create(resource, base, body) : update(resource, base, body);
  } catch (error) {
    if (error instanceof DecodeError) {
      return method === 'POST'
        ? { status: 400, reason: 'BadRequest' }
        : { status: 422, reason: 'Invalid', causes: [['FieldValueInvalid', 'patch']] };
    }
    throw error;
  }
}

function create(resource: Resource, base: string, body: unknown): Answer {
  const { namespace } = ((body as Json)['metadata'] ?? {}) as { namespace?: string };
  if (resource.scope === 'Namespaced' && namespace && namespace !== namespaceOf(base)) {
    return { status: 400, reason: 'BadRequest' };
  }
  const draft = prepareNew(resource, body, namespaceOf(base));
  const object = draft as KubeObject;
  const errors = resource.storage
    ? validateNew(resource, object)
    : [...(resource.validate?.(object) ?? [])];
  return refusal(errors) ?? { status: 201 };
}

/** An object as the registry would hold it before validation. */
export function prepareNew(
  resource: Resource,
  body: unknown,
  namespace: string,
): Draft<KubeObject> {
  const { object: draft, strictErrors } = decodeObject(resource.type, body, { isStrict: true });
  if (strictErrors.length > 0) throw new DecodeError(strictErrors.join(', '));
  resource.default?.(draft);
  const { metadata } = draft;
  if (resource.scope === 'Namespaced') metadata.namespace = namespace;
  else delete metadata.namespace;
  if (metadata.generateName && !metadata.name) {
    metadata.name = `${metadata.generateName.slice(0, 58)}abcde`;
  }
  const isForeign = ({ apiVersion }: ManagedFields): boolean =>
    apiVersion?.split('/')[0] !== groupVersionOf(resource).split('/')[0];
  if (metadata.managedFields?.some(isUnreadable)) delete metadata.managedFields;
  else if (metadata.managedFields?.every(isForeign)) delete metadata.managedFields;
  metadata.uid = uid;
  metadata.creationTimestamp = createdAt;
  delete metadata.generation;
  const { generation } = ((body as Json)['metadata'] ?? {}) as { generation?: number };
  if (generation !== undefined) metadata.generation = generation;
  if (resource.plural === 'pods') admitPod(draft as Draft<Pod>);
  resource.prepareForCreate?.(draft, '2026-01-01T00:00:00Z');
  if (resource.plural === 'services') allocate(draft as Draft<Service>);
  return draft;
}

type ManagedFields = NonNullable<KubeObject['metadata']['managedFields']>[number];

/** Where the base lives: its own namespace, or the one that every test writes to. */
function namespaceOf(base: string): string {
  const { metadata } = bases[base] as { metadata?: { namespace?: string } };
  return metadata?.namespace ?? 'facts';
}

/** The field manager starts anew where it cannot read what it finds. */
function isUnreadable({ operation, fieldsType }: ManagedFields): boolean {
  return (operation !== 'Apply' && operation !== 'Update') || fieldsType !== 'FieldsV1';
}

function update(resource: Resource, base: string, patch: unknown): Answer {
  const old = storedBase(resource, base);
  let patched: unknown;
  try {
    patched = applyJsonPatch(structuredClone(old), withRandomNames(patch));
  } catch (error) {
    throw new MissingState(`${base} has nothing to patch there`, { cause: error });
  }
  const { object: draft, strictErrors } = decodeObject(resource.type, patched, { isStrict: true });
  if (strictErrors.length > 0) throw new DecodeError(strictErrors.join(', '));
  resource.default?.(draft);
  const { metadata } = draft;
  if (resource.scope === 'Namespaced') metadata.namespace ??= namespaceOf(base);
  else delete metadata.namespace;
  if (metadata.name !== old.metadata.name || metadata.namespace !== old.metadata.namespace) {
    return { status: 400, reason: 'BadRequest' };
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata.resourceVersion) {
    return { status: 409, reason: 'Conflict' };
  }
  if (old.metadata.generation === undefined) delete metadata.generation;
  else metadata.generation = old.metadata.generation;
  if (!metadata.resourceVersion) {
    if (resource.allowsUnconditionalUpdate === false) {
      return {
        status: 422,
        reason: 'Invalid',
        causes: [['FieldValueInvalid', 'metadata.resourceVersion']],
      };
    }
    metadata.resourceVersion = old.metadata.resourceVersion;
  }
  if (resource.plural === 'pods') keepPriority(draft as Draft<Pod>, old as Pod);
  resource.prepareForUpdate?.(draft, old);
  if (!metadata.uid) metadata.uid = old.metadata.uid;
  metadata.creationTimestamp = old.metadata.creationTimestamp;
  return refusal(validateChange(resource, draft as KubeObject, old)) ?? { status: 200 };
}

function storedBase(resource: Resource, base: string): KubeObject {
  const known = stored.get(base);
  if (known) return known;
  const draft = prepareNew(resource, structuredClone(bases[base]), namespaceOf(base));
  draft.metadata.resourceVersion = '7';
  const errors = validateNew(resource, draft as KubeObject);
  if (errors.length > 0) {
    throw new Error(`The base ${base} is refused: ${JSON.stringify(errors.slice(0, 3))}`);
  }
  if (resource.plural === 'customresourcedefinitions')
    establish(draft as Draft<CustomResourceDefinition>);
  const object = JSON.parse(JSON.stringify(draft)) as KubeObject;
  stored.set(base, object);
  return object;
}

function establish({ status }: Draft<CustomResourceDefinition>): void {
  status.conditions = [{ type: 'Established', status: 'True' }];
}

function refusal(errors: readonly FieldError[]): Answer | undefined {
  if (errors.length === 0) return undefined;
  return {
    status: 422,
    reason: 'Invalid',
    causes: errors.map(({ type, field }) => [type, field]),
  };
}

function keepPriority({ spec }: Draft<Pod>, old: Pod): void {
  if (old.spec.priority !== undefined) spec.priority ??= old.spec.priority;
  if (old.spec.preemptionPolicy) spec.preemptionPolicy ??= old.spec.preemptionPolicy;
}

function withRandomNames(patch: unknown): unknown {
  return JSON.parse(JSON.stringify(patch).replaceAll('<rand>', 'abcde'));
}

/** What the ServiceAccount, priority and toleration plugins add to every pod. */
function admitPod({ spec, metadata }: Draft<Pod>): void {
  if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return;
  if (!spec.serviceAccountName) {
    spec.serviceAccountName = 'default';
    spec.serviceAccount = 'default';
  }
  if (spec.automountServiceAccountToken !== false) addToken(spec);
  spec.priority ??= 0;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    if (spec.tolerations?.some((toleration) => toleration.key === key)) continue;
    spec.tolerations ??= [];
    spec.tolerations.push({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    });
  }
}

function addToken(spec: Draft<Pod>['spec']): void {
  const name = 'kube-api-access-abcde';
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  let isUsed = false;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts ??= [];
    container.volumeMounts.push({ name, readOnly: true, mountPath });
    isUsed = true;
  }
  if (!isUsed) return;
  spec.volumes ??= [];
  spec.volumes.push({
    name,
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        {
          configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
        },
        {
          downwardAPI: {
            items: [
              {
                path: 'namespace',
                fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
              },
            ],
          },
        },
      ],
    },
  });
}

/** Addresses and ports, as an allocator would give them. */
function allocate({ spec }: Draft<Service>): void {
  if (spec.type === 'ExternalName') return;
  if (spec.clusterIP === 'None' && !spec.selector) {
    spec.ipFamilyPolicy ??= 'RequireDualStack';
    spec.ipFamilies ??= ['IPv4', 'IPv6'];
  }
  spec.ipFamilies ??= ['IPv4'];
  spec.ipFamilyPolicy ??= 'SingleStack';
  spec.clusterIP ||= '10.96.0.77';
  spec.clusterIPs ??= [spec.clusterIP];
  if (spec.type === 'ClusterIP') return;
  const needsPorts = spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;
  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (needsPorts) port.nodePort ||= 31_000 + index;
  }
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
    spec.healthCheckNodePort ||= 32_000;
  }
}
