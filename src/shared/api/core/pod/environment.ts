import type {
  ConfigMapKeySelector,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  SecretKeySelector,
} from '#shared/api/types/core-v1.ts';
import {
  validateFieldReference,
  validateResourceReference,
} from '#shared/api/core/pod/references.ts';
import { noBacksteps } from '#shared/api/core/volume/paths.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import {
  configMapKey,
  dns1123Label,
  dns1123Subdomain,
  environmentName,
  nameIsDnsSubdomain,
} from '#shared/kube/names.ts';

const environmentFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const onlyOneSource = 'may not have more than one field specified at a time';

export function* validateEnvironment(
  variables: readonly EnvVar[],
  field: string,
): Iterable<FieldError> {
  for (const [index, variable] of variables.entries()) {
    const path = `${field}[${index}]`;
    const { name } = variable;
    if (!name) yield required(`${path}.name`);
    else yield* invalidEach(`${path}.name`, name, environmentName(name));
    if (variable.valueFrom) {
      yield* validateSource(variable.valueFrom, variable.value, `${path}.valueFrom`);
    }
  }
}

function* validateSource(
  source: EnvVarSource,
  value: string | undefined,
  field: string,
): Iterable<FieldError> {
  let count = 0;
  if (source.fieldRef) {
    count++;
    yield* validateFieldReference(source.fieldRef, `${field}.fieldRef`, environmentFields);
  }
  if (source.resourceFieldRef) {
    count++;
    const path = `${field}.resourceFieldRef`;
    yield* validateResourceReference(source.resourceFieldRef, path, 'env');
  }
  if (source.configMapKeyRef) {
    count++;
    yield* validateKeySelector(source.configMapKeyRef, `${field}.configMapKeyRef`);
  }
  if (source.secretKeyRef) {
    count++;
    yield* validateKeySelector(source.secretKeyRef, `${field}.secretKeyRef`);
  }
  if (source.fileKeyRef) {
    count++;
    yield* validateFileKey(source.fileKeyRef, `${field}.fileKeyRef`);
  }
  if (count === 0) {
    yield invalidValue(
      field,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    );
  } else if (value) {
    yield invalidValue(field, '', 'may not be specified when `value` is not empty');
  } else if (count > 1) yield invalidValue(field, '', onlyOneSource);
}

function* validateKeySelector(
  { name = '', key }: ConfigMapKeySelector | SecretKeySelector,
  field: string,
): Iterable<FieldError> {
  yield* invalidEach(`${field}.name`, name, dns1123Subdomain(name));
  if (!key) yield required(`${field}.key`);
  else yield* invalidEach(`${field}.key`, key, configMapKey(key));
}

function* validateFileKey(
  { key, volumeName, path }: FileKeySelector,
  field: string,
): Iterable<FieldError> {
  if (!key) yield required(`${field}.key`);
  else yield* invalidEach(`${field}.key`, key, environmentName(key));
  if (!volumeName) yield required(`${field}.volumeName`);
  else yield* invalidEach(`${field}.volumeName`, volumeName, dns1123Label(volumeName));
  if (!path) yield required(`${field}.path`);
  else yield* noBacksteps(path, `${field}.path`);
}

export function* validateEnvironmentFrom(
  sources: readonly EnvFromSource[],
  field: string,
): Iterable<FieldError> {
  for (const [index, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const path = `${field}[${index}]`;
    if (prefix) yield* invalidEach(`${path}.prefix`, prefix, environmentName(prefix));
    if (configMapRef) yield* validateReference(configMapRef.name, `${path}.configMapRef.name`);
    if (secretRef) yield* validateReference(secretRef.name, `${path}.secretRef.name`);
    if (!configMapRef && !secretRef) {
      yield invalidValue(field, '', 'must specify one of: `configMapRef` or `secretRef`');
    } else if (configMapRef && secretRef) yield invalidValue(field, '', onlyOneSource);
  }
}

function* validateReference(name: string | undefined, field: string): Iterable<FieldError> {
  if (!name) yield required(field);
  else yield* invalidEach(field, name, nameIsDnsSubdomain(name, true));
}
