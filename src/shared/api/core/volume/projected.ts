import type {
  ClusterTrustBundleProjection,
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  PodCertificateProjection,
  ProjectedVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from '#shared/api/types/core-v1.ts';
import {
  validateFieldReference,
  validateResourceReference,
} from '#shared/api/core/pod/references.ts';
import { unreservedPath, validateKeyToPath, validateMode } from '#shared/api/core/volume/paths.ts';
import {
  validateTrustBundleName,
  validateSignerName,
  isKubernetesSigner,
} from '#shared/api/core/signer.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { requireText } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import { validateUserAnnotations } from '#shared/api/core/user-annotations.ts';

const volumeFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const duplicatePath = 'conflicting duplicate paths';

export function* validateDownwardApi(
  { defaultMode, items = [] }: DownwardAPIVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* validateMode(defaultMode, `${field}.defaultMode`);
  for (const item of items) yield* validateDownwardFile(item, field);
}

function* validateDownwardFile(file: DownwardAPIVolumeFile, field: string): Iterable<FieldError> {
  const { path, fieldRef, resourceFieldRef, mode } = file;
  yield* requireText(path, `${field}.path`);
  yield* unreservedPath(path, `${field}.path`);
  if (fieldRef) {
    yield* validateFieldReference(fieldRef, `${field}.fieldRef`, volumeFields);
    if (resourceFieldRef) {
      yield invalidValue(
        field,
        'resource',
        'fieldRef and resourceFieldRef can not be specified simultaneously',
      );
    }
  } else if (resourceFieldRef) {
    yield* validateResourceReference(resourceFieldRef, `${field}.resourceFieldRef`, 'volume');
  } else yield required(field, 'one of fieldRef and resourceFieldRef is required');
  yield* validateMode(mode, `${field}.mode`);
}

/** What has been seen so far: no two sources may write the same file. */
interface Projection {
  readonly field: string;
  readonly paths: Set<string>;
  readonly allowsNonLocalTokenPath: boolean;
}

export function* validateProjected(
  { defaultMode, sources }: ProjectedVolumeSource,
  field: string,
  allowsNonLocalTokenPath = false,
): Iterable<FieldError> {
  yield* validateMode(defaultMode, `${field}.defaultMode`);
  const projection: Projection = { field, paths: new Set(), allowsNonLocalTokenPath };
  for (const [index, source] of (sources ?? []).entries()) {
    yield* validateSource(source, `${field}.sources[${index}]`, projection);
  }
}

function* validateSource(
  source: VolumeProjection,
  path: string,
  projection: Projection,
): Iterable<FieldError> {
  let kinds = 0;
  for (const member of ['secret', 'configMap'] as const) {
    const named = source[member];
    if (!named) continue;
    kinds++;
    yield* requireText(named.name, `${path}.${member}.name`);
    for (const [index, item] of (named.items ?? []).entries()) {
      yield* validateKeyToPath(item, `${path}.${member}.items[${index}]`);
      if (item.path) yield* uniquePath(item.path, projection, named.name ?? '');
    }
  }
  if (source.downwardAPI) {
    kinds++;
    for (const file of source.downwardAPI.items ?? []) {
      yield* validateDownwardFile(file, `${path}.downwardAPI`);
      if (file.path) yield* uniquePath(file.path, projection, file.path);
    }
  }
  if (source.serviceAccountToken) {
    kinds++;
    yield* validateToken(source.serviceAccountToken, `${path}.serviceAccountToken`, projection);
  }
  if (source.clusterTrustBundle) {
    kinds++;
    yield* validateTrustBundle(source.clusterTrustBundle, `${path}.clusterTrustBundle`);
    const file = source.clusterTrustBundle.path ?? '';
    yield* unreservedPath(file, `${path}.clusterTrustBundle.path`);
    yield* uniquePath(file, projection, file);
  }
  if (source.podCertificate) {
    kinds++;
    yield* validateCertificate(source.podCertificate, `${path}.podCertificate`, projection);
  }
  if (kinds > 1) {
    yield forbiddenValue(path, 'may not specify more than 1 volume type per source');
  }
}

function* uniquePath(
  path: string,
  { field, paths }: Projection,
  shown: string,
): Iterable<FieldError> {
  if (paths.has(path)) yield invalidValue(field, shown, duplicatePath);
  paths.add(path);
}

function* validateToken(
  { expirationSeconds = 0, path }: ServiceAccountTokenProjection,
  field: string,
  projection: Projection,
): Iterable<FieldError> {
  if (expirationSeconds < 600) {
    yield invalidValue(
      `${field}.expirationSeconds`,
      expirationSeconds,
      'may not specify a duration less than 10 minutes',
    );
  }
  if (expirationSeconds > 2 ** 32) {
    yield invalidValue(
      `${field}.expirationSeconds`,
      expirationSeconds,
      'may not specify a duration larger than 2^32 seconds',
    );
  }
  // Upstream reports the path at the volume, not at the source.
  if (!path) yield required(`${projection.field}.path`);
  else if (!projection.allowsNonLocalTokenPath) {
    yield* unreservedPath(path, `${projection.field}.path`);
  }
}

function* validateTrustBundle(
  bundle: ClusterTrustBundleProjection,
  field: string,
): Iterable<FieldError> {
  const { name, signerName, labelSelector, path } = bundle;
  if (name !== undefined && signerName !== undefined) {
    yield invalidValue(field, bundle, 'only one of name and signerName may be used');
  } else if (name !== undefined) {
    if (!name) yield required(`${field}.name`, 'must be a valid object name');
    for (const problem of validateTrustBundleName(name)) {
      yield invalidValue(`${field}.name`, name, `not a valid clustertrustbundlename: ${problem}`);
    }
    if (labelSelector) {
      yield invalidValue(
        `${field}.labelSelector`,
        labelSelector,
        'labelSelector must be unset if name is specified',
      );
    }
  } else if (signerName !== undefined) {
    if (!signerName) yield required(`${field}.signerName`, 'must be a valid signer name');
    yield* validateSignerName(signerName, `${field}.signerName`);
    yield* validateLabelSelector(labelSelector, `${field}.labelSelector`);
  } else yield required(field, 'either name or signerName must be specified');
  yield* requireText(path, `${field}.path`);
}

const keyTypes = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const certificatePaths = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;

function* validateCertificate(
  certificate: PodCertificateProjection,
  field: string,
  projection: Projection,
): Iterable<FieldError> {
  const { signerName = '', keyType = '', maxExpirationSeconds: max } = certificate;
  yield* validateSignerName(signerName, `${field}.signerName`);
  yield* validateUserAnnotations(certificate.userAnnotations, `${field}.userAnnotations`);
  if (!keyTypes.includes(keyType)) yield notOneOf(`${field}.keyType`, keyType, keyTypes);
  if (max !== undefined) {
    const limit = isKubernetesSigner(signerName) ? 86_400 : 7_862_400;
    if (max < 3600) {
      yield invalidValue(
        `${field}.maxExpirationSeconds`,
        max,
        'if provided, maxExpirationSeconds must be >= 3600',
      );
    }
    if (max > limit) {
      yield invalidValue(
        `${field}.maxExpirationSeconds`,
        max,
        `if provided, maxExpirationSeconds must be <= ${limit}`,
      );
    }
  }
  let paths = 0;
  for (const member of certificatePaths) {
    const path = certificate[member];
    if (!path) continue;
    paths++;
    yield* unreservedPath(path, `${field}.${member}`);
    yield* uniquePath(path, projection, path);
  }
  if (paths === 0) {
    yield required(
      field,
      'specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
    );
  }
}
