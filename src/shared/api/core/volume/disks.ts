import type {
  AWSElasticBlockStoreVolumeSource,
  AzureDiskVolumeSource,
  FCVolumeSource,
  GCEPersistentDiskVolumeSource,
  ISCSIPersistentVolumeSource,
  ISCSIVolumeSource,
} from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { requireText } from '#shared/kube/checks.ts';
import { invalidValue, notOneOf, notSupported, required } from '#shared/kube/field-error.ts';
import { byteLength, rangeProblem } from '#shared/kube/names.ts';

const iscsiNames: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[a-zA-Z0-9]{16}$/,
  naa: /^naa.[a-zA-Z0-9]{32}$/,
};
export const iscsiTooLong =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';

export function* validateIscsi(iscsi: ISCSIVolumeSource, field: string): Iterable<FieldError> {
  yield* requireText(iscsi.targetPortal, `${field}.targetPortal`);
  yield* validateIscsiCommon(iscsi, field, 'must be valid format starting with iqn, eui, or naa');
}

export function* validatePersistentIscsi(
  iscsi: ISCSIPersistentVolumeSource,
  field: string,
  volumeName: string,
): Iterable<FieldError> {
  const { targetPortal } = iscsi;
  yield* requireText(targetPortal, `${field}.targetPortal`);
  if (isIscsiNameTooLong(iscsi, volumeName)) {
    yield invalidValue(`${field}.targetportal`, targetPortal, iscsiTooLong);
  }
  yield* validateIscsiCommon(iscsi, field, 'must be valid format');
}

export function isIscsiNameTooLong(
  { initiatorName, targetPortal }: ISCSIVolumeSource | ISCSIPersistentVolumeSource,
  volumeName: string,
): boolean {
  return initiatorName !== undefined && byteLength(`${volumeName}:${targetPortal}`) > 64;
}

function* validateIscsiCommon(
  iscsi: ISCSIVolumeSource | ISCSIPersistentVolumeSource,
  field: string,
  unknownFormat: string,
): Iterable<FieldError> {
  const { iqn, lun, initiatorName, secretRef } = iscsi;
  if (!iqn) yield required(`${field}.iqn`);
  else yield* validateIscsiName(iqn, `${field}.iqn`, unknownFormat);
  if (lun < 0 || lun > 255) yield invalidValue(`${field}.lun`, lun, rangeProblem(0, 255));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !secretRef) {
    yield required(`${field}.secretRef`);
  }
  // Only a PersistentVolume's reference carries a namespace; only there the name is checked.
  if (secretRef && unknownFormat === 'must be valid format' && !secretRef.name) {
    yield required(`${field}.secretRef.name`);
  }
  if (initiatorName !== undefined) {
    yield* validateIscsiName(initiatorName, `${field}.initiatorname`, unknownFormat);
  }
}

function* validateIscsiName(
  name: string,
  field: string,
  unknownFormat: string,
): Iterable<FieldError> {
  const format = iscsiNames[name.slice(0, 3)];
  if (!format) yield invalidValue(field, name, unknownFormat);
  else if (!format.test(name)) yield invalidValue(field, name, 'must be valid format');
}

export function* validateFibreChannel(fc: FCVolumeSource, field: string): Iterable<FieldError> {
  const { targetWWNs = [], wwids = [], lun } = fc;
  if (targetWWNs.length === 0 && wwids.length === 0) {
    yield required(`${field}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both');
  }
  if (targetWWNs.length > 0 && wwids.length > 0) {
    yield invalidValue(
      `${field}.targetWWNs`,
      targetWWNs,
      'targetWWNs and wwids can not be specified simultaneously',
    );
  }
  if (targetWWNs.length === 0) return;
  if (lun === undefined) {
    yield required(`${field}.lun`, 'lun is required if targetWWNs is specified');
  } else if (lun < 0 || lun > 255) {
    yield invalidValue(`${field}.lun`, lun, rangeProblem(0, 255));
  }
}

export function* validateGcePersistentDisk(
  { pdName, partition = 0 }: GCEPersistentDiskVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(pdName, `${field}.pdName`);
  yield* validatePartition(partition, `${field}.partition`);
}

export function* validateAwsElasticBlockStore(
  { volumeID, partition = 0 }: AWSElasticBlockStoreVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(volumeID, `${field}.volumeID`);
  yield* validatePartition(partition, `${field}.partition`);
}

function* validatePartition(partition: number, field: string): Iterable<FieldError> {
  // Upstream says 1 where it accepts 0.
  if (partition < 0 || partition > 255) {
    yield invalidValue(field, partition, rangeProblem(1, 255));
  }
}

const managedDisk =
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobDisk = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
const cachingModes = ['None', 'ReadOnly', 'ReadWrite'];
const diskKinds = ['Dedicated', 'Managed', 'Shared'];

export function* validateAzureDisk(
  azure: AzureDiskVolumeSource,
  field: string,
): Iterable<FieldError> {
  const { diskName, diskURI, cachingMode, kind } = azure;
  yield* requireText(diskName, `${field}.diskName`);
  yield* requireText(diskURI, `${field}.diskURI`);
  if (cachingMode !== undefined && !cachingModes.includes(cachingMode)) {
    yield notSupported(`${field}.cachingMode`, cachingMode, cachingModes);
  }
  if (kind === undefined) return;
  if (!diskKinds.includes(kind)) yield notSupported(`${field}.kind`, kind, diskKinds);
  if (kind === 'Managed') {
    if (!diskURI.startsWith('/subscriptions/')) {
      yield notOneOf(`${field}.diskURI`, diskURI, [managedDisk]);
    }
  } else if (!diskURI.startsWith('https://')) {
    yield notOneOf(`${field}.diskURI`, diskURI, [blobDisk]);
  }
}
