import type {
  CSIPersistentVolumeSource,
  CSIVolumeSource,
  FlexPersistentVolumeSource,
  FlexVolumeSource,
  FlockerVolumeSource,
  GlusterfsPersistentVolumeSource,
  NFSVolumeSource,
  QuobyteVolumeSource,
  ScaleIOPersistentVolumeSource,
  ScaleIOVolumeSource,
  SecretReference,
  StorageOSPersistentVolumeSource,
  StorageOSVolumeSource,
} from '#shared/api/types/core-v1.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach, requireText } from '#shared/kube/checks.ts';
import { invalidValue, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Label, dns1123Subdomain } from '#shared/kube/names.ts';

const registryProblem = 'must be a host:port pair or multiple pairs separated by commas';

export function* validateNfs(
  { server, path }: NFSVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(server, `${field}.server`);
  yield* requireText(path, `${field}.path`);
  if (!path.startsWith('/')) {
    yield invalidValue(`${field}.path`, path, 'must be an absolute path');
  }
}

export function* validateQuobyte(
  { registry, tenant = '', volume }: QuobyteVolumeSource,
  field: string,
): Iterable<FieldError> {
  if (!registry) yield required(`${field}.registry`, registryProblem);
  else if (tenant.length >= 65) {
    yield required(
      `${field}.tenant`,
      'must be a UUID and may not exceed a length of 64 characters',
    );
  } else {
    for (const pair of registry.split(',')) {
      if (!isHostAndPort(pair)) yield invalidValue(`${field}.registry`, registry, registryProblem);
    }
  }
  yield* requireText(volume, `${field}.volume`);
}

/** Whether Go's net.SplitHostPort would take it apart. */
function isHostAndPort(text: string): boolean {
  if (text.startsWith('[')) return /^\[[^[\]]*\]:[^:[\]]*$/.test(text);
  return /^[^:[\]]*:[^:[\]]*$/.test(text);
}

export function* validateGlusterfs(
  { endpoints, path }: { readonly endpoints: string; readonly path: string },
  field: string,
): Iterable<FieldError> {
  yield* requireText(endpoints, `${field}.endpoints`);
  yield* requireText(path, `${field}.path`);
}

export function* validatePersistentGlusterfs(
  glusterfs: GlusterfsPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* validateGlusterfs(glusterfs, field);
  const { endpointsNamespace } = glusterfs;
  if (endpointsNamespace === undefined) return;
  const path = `${field}.endpointsNamespace`;
  if (endpointsNamespace === '') {
    yield invalidValue(
      path,
      '',
      'if the endpointnamespace is set, it must be a valid namespace name',
    );
  } else yield* invalidEach(path, endpointsNamespace, dns1123Label(endpointsNamespace));
}

export function* validateFlocker(
  { datasetName, datasetUUID }: FlockerVolumeSource,
  field: string,
): Iterable<FieldError> {
  if (!datasetName && !datasetUUID) {
    yield required(field, 'one of datasetName and datasetUUID is required');
  }
  if (datasetName && datasetUUID) {
    yield invalidValue(
      field,
      'resource',
      'datasetName and datasetUUID can not be specified simultaneously',
    );
  }
  if (datasetName?.includes('/')) {
    yield invalidValue(`${field}.datasetName`, datasetName, "must not contain '/'");
  }
}

export function* validateFlex(
  { driver, options = {} }: FlexVolumeSource | FlexPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(driver, `${field}.driver`);
  for (const key of Object.keys(options)) {
    const namespace = `.${key.split('/')[0]!.toLowerCase()}`;
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io')) {
      yield invalidValue(
        `${field}.options[${key}]`,
        key,
        'kubernetes.io and k8s.io namespaces are reserved',
      );
    }
  }
}

export function* validateScaleIo(
  { gateway, system, volumeName }: ScaleIOVolumeSource | ScaleIOPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(gateway, `${field}.gateway`);
  yield* requireText(system, `${field}.system`);
  yield* requireText(volumeName, `${field}.volumeName`);
}

export function* validateStorageOs(
  source: StorageOSVolumeSource | StorageOSPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  const { volumeName, volumeNamespace, secretRef } = source;
  if (!volumeName) yield required(`${field}.volumeName`);
  else yield* invalidEach(`${field}.volumeName`, volumeName, dns1123Label(volumeName));
  if (volumeNamespace) {
    const path = `${field}.volumeNamespace`;
    yield* invalidEach(path, volumeNamespace, dns1123Label(volumeNamespace));
  }
  if (secretRef) yield* requireText(secretRef.name, `${field}.secretRef.name`);
}

export function* validatePersistentStorageOs(
  source: StorageOSPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* validateStorageOs(source, field);
  const { secretRef } = source;
  if (secretRef) yield* requireText(secretRef.namespace, `${field}.secretRef.namespace`);
}

export function* validateCsiDriverName(driver: string, field: string): Iterable<FieldError> {
  if (!driver) {
    yield required(field);
    return;
  }
  if (byteLength(driver) > 63) yield tooLong(field, 63);
  yield* invalidEach(field, driver, dns1123Subdomain(driver.toLowerCase()));
}

export function* validateCsi(csi: CSIVolumeSource, field: string): Iterable<FieldError> {
  yield* validateCsiDriverName(csi.driver ?? '', `${field}.driver`);
  const { nodePublishSecretRef: secret } = csi;
  if (!secret) return;
  if (!secret.name) yield required(`${field}.nodePublishSecretRef.name`);
  else yield* invalidEach(`${field}.name`, secret.name, dns1123Subdomain(secret.name));
}

const persistentCsiSecrets = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const;

export function* validatePersistentCsi(
  csi: CSIPersistentVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* validateCsiDriverName(csi.driver ?? '', `${field}.driver`);
  yield* requireText(csi.volumeHandle, `${field}.volumeHandle`);
  for (const member of persistentCsiSecrets) {
    const secret = csi[member];
    if (secret) yield* validateSecretReference(secret, `${field}.${member}`);
  }
}

function* validateSecretReference(
  { name, namespace }: SecretReference,
  field: string,
): Iterable<FieldError> {
  if (!name) yield required(`${field}.name`);
  else yield* invalidEach(`${field}.name`, name, dns1123Subdomain(name));
  if (!namespace) yield required(`${field}.namespace`);
  else yield* invalidEach(`${field}.namespace`, namespace, dns1123Label(namespace));
}
