import type {
  EphemeralVolumeSource,
  ImageVolumeSource,
  PersistentVolumeClaimTemplate,
  Volume,
} from '#shared/api/types/core-v1.ts';
import { validateClaimSpec } from '#shared/api/core/volume/claim-spec.ts';
import type { PodContext } from '#shared/api/core/pod/context.ts';
import {
  iscsiTooLong,
  isIscsiNameTooLong,
  validateAwsElasticBlockStore,
  validateAzureDisk,
  validateFibreChannel,
  validateGcePersistentDisk,
  validateIscsi,
} from '#shared/api/core/volume/disks.ts';
import { validateGitRepo, validateHostPath } from '#shared/api/core/volume/host-path.ts';
import {
  validateCsi,
  validateFlex,
  validateFlocker,
  validateGlusterfs,
  validateNfs,
  validateQuobyte,
  validateScaleIo,
  validateStorageOs,
} from '#shared/api/core/volume/network-storage.ts';
import { validateKeyToPath, validateMode } from '#shared/api/core/volume/paths.ts';
import { validateDownwardApi, validateProjected } from '#shared/api/core/volume/projected.ts';
import { validatePullPolicy } from '#shared/api/core/pod/pull-policy.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, oneVolumeOnly, requireText, signOf } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  required,
} from '#shared/kube/field-error.ts';
import { dns1123Label, nameIsDnsSubdomain } from '#shared/kube/names.ts';
import { validateAnnotations, validateLabels } from '#shared/kube/object-meta.ts';
import type { ObjectMeta } from '#shared/kube/types/meta-v1.ts';

type Source = Omit<Volume, 'name'>;

interface SourceRule {
  readonly member: keyof Source;
  /** Where upstream reports it under another name. */
  readonly path?: string;
  readonly secondPath?: string;
  validate(volume: Volume, field: string, context: PodContext): Iterable<FieldError>;
}

function rule<K extends keyof Source>(
  member: K,
  validate: (source: NonNullable<Source[K]>, field: string) => Iterable<FieldError>,
  paths: Pick<SourceRule, 'path' | 'secondPath'> = {},
): SourceRule {
  return {
    member,
    ...paths,
    validate: (volume, field) => validate((volume as Source)[member]!, field),
  };
}

/** In upstream's order, which is the order of the causes. */
const sources: readonly SourceRule[] = [
  rule('emptyDir', validateEmptyDir),
  rule('hostPath', validateHostPath),
  rule('gitRepo', validateGitRepo),
  rule('gcePersistentDisk', validateGcePersistentDisk, {
    path: 'persistentDisk',
    secondPath: 'gcePersistentDisk',
  }),
  rule('awsElasticBlockStore', validateAwsElasticBlockStore),
  rule('secret', validateSecretVolume),
  rule('nfs', validateNfs),
  rule('iscsi', validateIscsi),
  rule('glusterfs', validateGlusterfs),
  rule('flocker', validateFlocker),
  rule('persistentVolumeClaim', ({ claimName }, field) =>
    requireText(claimName, `${field}.claimName`),
  ),
  rule('rbd', validateRbd),
  rule('cinder', validateCinder),
  rule('cephfs', validateCephFs, { secondPath: 'cephFS' }),
  rule('quobyte', validateQuobyte),
  rule('downwardAPI', validateDownwardApi, { secondPath: 'downwarAPI' }),
  rule('fc', validateFibreChannel),
  rule('flexVolume', validateFlex),
  rule('configMap', validateConfigMapVolume),
  rule('azureFile', validateAzureFile),
  rule('vsphereVolume', ({ volumePath }, field) => requireText(volumePath, `${field}.volumePath`)),
  rule('photonPersistentDisk', ({ pdID }, field) => requireText(pdID, `${field}.pdID`)),
  rule('portworxVolume', ({ volumeID }, field) => requireText(volumeID, `${field}.volumeID`)),
  rule('azureDisk', validateAzureDisk),
  rule('storageos', validateStorageOs),
  {
    member: 'projected',
    validate: ({ projected }, field, { allows }) =>
      validateProjected(projected!, field, allows.nonLocalTokenPath),
  },
  rule('scaleIO', validateScaleIo),
  rule('csi', validateCsi),
  rule('ephemeral', validateEphemeral),
  {
    member: 'image',
    validate: ({ image }, field, { allows }) => validateImage(image!, field, allows.isPod),
  },
];

/** Fills `context.volumes` with those that have no problem. */
export function* validateVolumes(
  volumes: readonly Volume[],
  field: string,
  context: PodContext,
  meta: ObjectMeta | undefined,
): Iterable<FieldError> {
  const podName = meta?.name;
  const createdClaims = new Set<string>();
  if (podName) {
    for (const { name, ephemeral } of volumes) {
      if (ephemeral) createdClaims.add(`${podName}-${name}`);
    }
  }
  for (const [index, volume] of volumes.entries()) {
    const path = `${field}[${index}]`;
    const errors = [...validateVolume(volume, path, context, podName)];
    if (errors.length === 0) context.volumes.set(volume.name, volume);
    else yield* errors;
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && createdClaims.has(claim)) {
      yield invalidValue(
        `${path}.persistentVolumeClaim.claimName`,
        claim,
        'must not reference a PVC that gets created for an ephemeral volume',
      );
    }
  }
}

function* validateVolume(
  volume: Volume,
  path: string,
  context: PodContext,
  podName: string | undefined,
): Iterable<FieldError> {
  const name = volume.name ?? '';
  let count = 0;
  for (const source of sources) {
    if (volume[source.member] === undefined) continue;
    if (count > 0) {
      yield forbiddenValue(`${path}.${source.secondPath ?? source.member}`, oneVolumeOnly);
    } else {
      count++;
      yield* source.validate(volume, `${path}.${source.path ?? source.member}`, context);
      if (source.member === 'ephemeral') yield* claimName(name, podName, path);
    }
    if (source.member === 'iscsi' && isIscsiNameTooLong(volume.iscsi!, name)) {
      yield invalidValue(`${path}.name`, name, iscsiTooLong);
    }
  }
  if (count === 0) yield required(path, 'must specify a volume type');
  if (!name) yield required(`${path}.name`);
  else yield* invalidEach(`${path}.name`, name, dns1123Label(name));
  if (context.volumes.has(name)) yield duplicateValue(`${path}.name`, name);
}

function* claimName(name: string, podName: string | undefined, path: string): Iterable<FieldError> {
  if (!podName || !name) return;
  const claim = `${podName}-${name}`;
  for (const problem of nameIsDnsSubdomain(claim)) {
    yield invalidValue(`${path}.name`, name, `PVC name ${JSON.stringify(claim)}: ${problem}`);
  }
}

function* validateEmptyDir(
  { sizeLimit }: NonNullable<Source['emptyDir']>,
  field: string,
): Iterable<FieldError> {
  if (sizeLimit !== undefined && signOf(sizeLimit) < 0) {
    yield forbiddenValue(`${field}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  }
}

function* validateSecretVolume(
  { secretName, defaultMode, items = [] }: NonNullable<Source['secret']>,
  field: string,
): Iterable<FieldError> {
  yield* requireText(secretName, `${field}.secretName`);
  yield* validateMode(defaultMode, `${field}.defaultMode`);
  for (const [index, item] of items.entries()) {
    yield* validateKeyToPath(item, `${field}.items[${index}]`);
  }
}

function* validateConfigMapVolume(
  { name, defaultMode, items = [] }: NonNullable<Source['configMap']>,
  field: string,
): Iterable<FieldError> {
  yield* requireText(name, `${field}.name`);
  yield* validateMode(defaultMode, `${field}.defaultMode`);
  for (const [index, item] of items.entries()) {
    yield* validateKeyToPath(item, `${field}.items[${index}]`);
  }
}

/** Pod volumes and PersistentVolumes alike. */
export function* validateRbd(
  { monitors, image }: { readonly monitors?: readonly string[]; readonly image?: string },
  field: string,
): Iterable<FieldError> {
  yield* validateCephFs({ monitors: monitors ?? [] }, field);
  yield* requireText(image, `${field}.image`);
}

/** Pod volumes and PersistentVolumes alike. */
export function* validateCephFs(
  { monitors }: { readonly monitors?: readonly string[] },
  field: string,
): Iterable<FieldError> {
  if (!monitors?.length) yield required(`${field}.monitors`);
}

function* validateCinder(
  { volumeID, secretRef }: NonNullable<Source['cinder']>,
  field: string,
): Iterable<FieldError> {
  yield* requireText(volumeID, `${field}.volumeID`);
  if (secretRef) yield* requireText(secretRef.name, `${field}.secretRef.name`);
}

/** Pod volumes and PersistentVolumes alike. */
export function* validateAzureFile(
  { secretName, shareName }: { readonly secretName?: string; readonly shareName?: string },
  field: string,
): Iterable<FieldError> {
  yield* requireText(secretName, `${field}.secretName`);
  yield* requireText(shareName, `${field}.shareName`);
}

function* validateEphemeral(
  { volumeClaimTemplate: template }: EphemeralVolumeSource,
  field: string,
): Iterable<FieldError> {
  const path = `${field}.volumeClaimTemplate`;
  if (!template) yield required(path);
  else yield* validateClaimTemplate(template, path);
}

function* validateClaimTemplate(
  { metadata, spec }: PersistentVolumeClaimTemplate,
  field: string,
): Iterable<FieldError> {
  if (metadata) {
    yield* validateAnnotations(metadata.annotations, `${field}.metadata.annotations`);
    yield* validateLabels(metadata.labels, `${field}.metadata.labels`);
    for (const member of Object.keys(metadata) as (keyof ObjectMeta)[]) {
      if (member === 'annotations' || member === 'labels' || !metadata[member]) continue;
      yield forbiddenValue(`${field}.metadata.${templateMember(member)}`, 'cannot be set');
    }
  }
  yield* validateClaimSpec(spec, `${field}.spec`);
}

/** Upstream names the Go field, its first letter in lower case. */
function templateMember(member: string): string {
  return member === 'uid' ? 'uID' : member;
}

function* validateImage(
  { reference, pullPolicy = '' }: ImageVolumeSource,
  field: string,
  isPod: boolean,
): Iterable<FieldError> {
  if (isPod) yield* requireText(reference, `${field}.reference`);
  yield* validatePullPolicy(pullPolicy, `${field}.pullPolicy`);
}
