import type { PersistentVolumeSpec } from '#shared/api/types/core-v1.ts';
import { validateNodeSelector } from '#shared/api/core/node-selector.ts';
import { validateAzureFile, validateCephFs, validateRbd } from '#shared/api/core/pod/volumes.ts';
import { validateAccessModes, validateVolumeMode } from '#shared/api/core/volume/claim-spec.ts';
import {
  validateAwsElasticBlockStore,
  validateAzureDisk,
  validateFibreChannel,
  validateGcePersistentDisk,
  validatePersistentIscsi,
} from '#shared/api/core/volume/disks.ts';
import { validateHostPath, validateLocal } from '#shared/api/core/volume/host-path.ts';
import {
  validateFlex,
  validateFlocker,
  validateNfs,
  validatePersistentCsi,
  validatePersistentGlusterfs,
  validatePersistentStorageOs,
  validateQuobyte,
  validateScaleIo,
} from '#shared/api/core/volume/network-storage.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import {
  invalidEach,
  oneVolumeOnly,
  positiveQuantity,
  requireText,
  signOf,
} from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { dns1123Subdomain } from '#shared/kube/names.ts';
import { quantityValue } from '#shared/kube/quantity.ts';

type Spec = PersistentVolumeSpec;

interface SourceRule {
  readonly member: keyof Spec;
  readonly path?: string;
  readonly secondPath?: string;
  validate(spec: Spec, field: string, name: string): Iterable<FieldError>;
}

function rule<K extends keyof Spec>(
  member: K,
  validate: (source: NonNullable<Spec[K]>, field: string) => Iterable<FieldError>,
  paths: Pick<SourceRule, 'path' | 'secondPath'> = {},
): SourceRule {
  return { member, ...paths, validate: (spec, field) => validate(spec[member]!, field) };
}

/** In upstream's order, which is the order of the causes. */
const sources: readonly SourceRule[] = [
  rule('hostPath', validateHostPath),
  rule('gcePersistentDisk', validateGcePersistentDisk, {
    path: 'persistentDisk',
    secondPath: 'gcePersistentDisk',
  }),
  rule('awsElasticBlockStore', validateAwsElasticBlockStore),
  rule('glusterfs', validatePersistentGlusterfs),
  rule('flocker', validateFlocker),
  rule('nfs', validateNfs),
  rule('rbd', validateRbd),
  rule('quobyte', validateQuobyte),
  rule('cephfs', validateCephFs, { secondPath: 'cephFS' }),
  {
    member: 'iscsi',
    validate: ({ iscsi }, field, name) => validatePersistentIscsi(iscsi!, field, name),
  },
  rule('cinder', validateCinder),
  rule('fc', validateFibreChannel),
  rule('flexVolume', validateFlex),
  rule('azureFile', validatePersistentAzureFile),
  rule('vsphereVolume', ({ volumePath }, field) => requireText(volumePath, `${field}.volumePath`)),
  rule('photonPersistentDisk', ({ pdID }, field) => requireText(pdID, `${field}.pdID`)),
  rule('portworxVolume', ({ volumeID }, field) => requireText(volumeID, `${field}.volumeID`)),
  rule('azureDisk', validateAzureDisk),
  rule('scaleIO', validateScaleIo),
  rule('local', validateLocal),
  rule('storageos', validatePersistentStorageOs),
  rule('csi', validatePersistentCsi),
];

/** The members that say what the volume is made of: they never change. */
export const sourceMembers: readonly (keyof Spec)[] = sources.map(({ member }) => member);

export function* validatePersistentSpec(
  spec: Spec,
  volumeName: string,
  allowsInvalidValues: boolean,
): Iterable<FieldError> {
  if (!spec.accessModes?.length) yield required('spec.accessModes');
  yield* validateAccessModes(spec.accessModes, 'spec.accessModes');
  yield* validateCapacity(spec.capacity ?? {});
  const policy = spec.persistentVolumeReclaimPolicy;
  const policies = ['Delete', 'Recycle', 'Retain'];
  if (policy && !policies.includes(policy)) {
    yield notSupported('spec.persistentVolumeReclaimPolicy', policy, policies);
  }
  yield* validateAffinity(spec, allowsInvalidValues);
  yield* validateSource(spec, volumeName);
  if (policy === 'Recycle' && spec.hostPath && isRoot(spec.hostPath.path)) {
    yield forbiddenValue(
      'spec.persistentVolumeReclaimPolicy',
      "may not be 'recycle' for a hostPath mount of '/'",
    );
  }
  if (spec.storageClassName) {
    const name = spec.storageClassName;
    yield* invalidEach('spec.storageClassName', name, dns1123Subdomain(name));
  }
  yield* validateVolumeMode(spec.volumeMode, 'spec.volumeMode');
  yield* validateAttributesClass(spec);
}

function* validateCapacity(capacity: Readonly<Record<string, string>>): Iterable<FieldError> {
  const field = 'spec.capacity';
  const names = Object.keys(capacity);
  if (names.length === 0) yield required(field);
  if (names.length > 1 || capacity['storage'] === undefined) {
    yield notSupported(field, capacity, ['storage']);
  }
  for (const name of names) {
    const amount = capacity[name]!;
    if (signOf(amount) < 0) {
      const problem = 'must be a valid resource quantity';
      yield invalidValue(`${field}[${name}]`, quantityValue(amount), problem);
    }
    yield* positiveQuantity(amount, `${field}[${name}]`);
  }
}

function* validateAffinity(
  { nodeAffinity }: Spec,
  allowsInvalidValues: boolean,
): Iterable<FieldError> {
  if (!nodeAffinity) return;
  const field = 'spec.nodeAffinity.required';
  if (nodeAffinity.required) {
    yield* validateNodeSelector(nodeAffinity.required, field, { allowsInvalidValues });
  } else yield required(field, 'must specify required node constraints');
}

function* validateSource(spec: Spec, volumeName: string): Iterable<FieldError> {
  let count = 0;
  for (const source of sources) {
    const { member, path, secondPath } = source;
    if (spec[member] === undefined) continue;
    // A flex volume was never told apart from others.
    if (count > 0 && member !== 'flexVolume') {
      yield forbiddenValue(`spec.${secondPath ?? member}`, oneVolumeOnly);
      continue;
    }
    count++;
    yield* source.validate(spec, `spec.${path ?? member}`, volumeName);
    if (member === 'local' && !spec.nodeAffinity) {
      yield required('spec.nodeAffinity', 'Local volume requires node affinity');
    }
  }
  if (count === 0) yield required('spec', 'must specify a volume type');
}

function* validateAttributesClass(spec: Spec): Iterable<FieldError> {
  const { volumeAttributesClassName: name } = spec;
  if (name === undefined) return;
  const field = 'spec.volumeAttributesClassName';
  if (!name) yield required(field, 'an empty string is disallowed');
  else yield* invalidEach(field, name, dns1123Subdomain(name));
  if (!spec.csi) {
    yield required('spec.csi', 'has to be specified when using volumeAttributesClassName');
  }
}

function* validateCinder(
  { volumeID, secretRef }: NonNullable<Spec['cinder']>,
  field: string,
): Iterable<FieldError> {
  yield* requireText(volumeID, `${field}.volumeID`);
  if (!secretRef) return;
  yield* requireText(secretRef.name, `${field}.secretRef.name`);
  yield* requireText(secretRef.namespace, `${field}.secretRef.namespace`);
}

function* validatePersistentAzureFile(
  source: NonNullable<Spec['azureFile']>,
  field: string,
): Iterable<FieldError> {
  yield* validateAzureFile(source, field);
  if (source.secretNamespace === '') yield required(`${field}.secretNamespace`);
}

/** Whether nothing but slashes, dots and ways back remain of the path. */
function isRoot(path: string): boolean {
  if (!path.startsWith('/')) return false;
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept.length === 0;
}
