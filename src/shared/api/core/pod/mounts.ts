import type { Container, VolumeDevice, VolumeMount } from '#shared/api/types/core-v1.ts';
import type { PodContext } from '#shared/api/core/pod/context.ts';
import { descendingPath, noBacksteps } from '#shared/api/core/volume/paths.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { isClean } from '#shared/kube/checks.ts';
import {
  forbiddenValue,
  invalidValue,
  notFoundValue,
  notSupported,
  required,
} from '#shared/kube/field-error.ts';

type Mounted = Pick<Container, 'volumeMounts' | 'volumeDevices' | 'securityContext'>;

const propagations = ['Bidirectional', 'HostToContainer', 'None'];
const readOnlyModes = ['Disabled', 'Enabled', 'IfPossible'];

export function* validateMounts(
  container: Mounted,
  path: string,
  { volumes }: PodContext,
): Iterable<FieldError> {
  const { volumeMounts = [], volumeDevices = [] } = container;
  if (volumeMounts.length === 0) return;
  const field = `${path}.volumeMounts`;
  const seen = new Set<string>();
  for (const [index, mount] of volumeMounts.entries()) {
    const { name, mountPath } = mount;
    const at = `${field}[${index}]`;
    if (!name) yield required(`${at}.name`);
    if (!volumes.has(name)) yield notFoundValue(`${at}.name`, name);
    if (!mountPath) yield required(`${at}.mountPath`);
    if (seen.has(mountPath)) yield invalidValue(`${at}.mountPath`, mountPath, 'must be unique');
    seen.add(mountPath);
    if (volumeDevices.some((device) => device.name === name)) {
      yield invalidValue(`${at}.name`, name, 'must not already exist in volumeDevices');
    }
    if (volumeDevices.some((device) => device.devicePath === mountPath)) {
      yield invalidValue(
        `${at}.mountPath`,
        mountPath,
        'must not already exist as a path in volumeDevices',
      );
    }
    // From here on upstream reports at the list, not at the mount.
    yield* validateSubPaths(mount, field, at);
    yield* validatePropagation(mount, field, container);
    yield* validateRecursiveReadOnly(mount, `${field}.recursiveReadOnly`);
  }
}

function* validateSubPaths(
  { subPath, subPathExpr }: VolumeMount,
  field: string,
  at: string,
): Iterable<FieldError> {
  if (subPath) yield* descendingPath(subPath, `${field}.subPath`);
  if (!subPathExpr) return;
  if (subPath) {
    yield invalidValue(
      `${at}.subPathExpr`,
      subPathExpr,
      'subPathExpr and subPath are mutually exclusive',
    );
  }
  yield* descendingPath(subPathExpr, `${field}.subPathExpr`);
}

function* validatePropagation(
  { mountPropagation }: VolumeMount,
  field: string,
  { securityContext }: Mounted,
): Iterable<FieldError> {
  if (mountPropagation === undefined) return;
  const path = `${field}.mountPropagation`;
  if (!propagations.includes(mountPropagation)) {
    yield notSupported(path, mountPropagation, propagations);
  }
  if (mountPropagation === 'Bidirectional' && !securityContext?.privileged) {
    yield forbiddenValue(
      path,
      'Bidirectional mount propagation is available only to privileged containers',
    );
  }
}

function* validateRecursiveReadOnly(
  { recursiveReadOnly: mode, readOnly, mountPropagation }: VolumeMount,
  field: string,
): Iterable<FieldError> {
  if (mode === undefined || mode === 'Disabled') return;
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    yield notSupported(field, mode, readOnlyModes);
    return;
  }
  if (!readOnly) yield forbiddenValue(field, 'may only be specified when readOnly is true');
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    yield forbiddenValue(
      field,
      'may only be specified when mountPropagation is None or not specified',
    );
  }
}

export function* validateDevices(
  { volumeMounts = [], volumeDevices = [] }: Mounted,
  path: string,
  { volumes }: PodContext,
): Iterable<FieldError> {
  if (volumeDevices.length === 0) return;
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, device] of volumeDevices.entries()) {
    const at = `${path}.volumeDevices[${index}]`;
    const { name, devicePath } = device;
    const volume = volumes.get(name);
    if (!name) yield required(`${at}.name`);
    if (names.has(name)) yield invalidValue(`${at}.name`, name, 'must be unique');
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      yield invalidValue(
        `${at}.name`,
        name,
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      );
    }
    if (!volume) yield notFoundValue(`${at}.name`, name);
    yield* validateDevicePath(device, at, paths);
    if (volumeMounts.some((mount) => mount.name === name)) {
      yield invalidValue(`${at}.name`, name, 'must not already exist in volumeMounts');
    }
    if (volumeMounts.some((mount) => mount.mountPath === devicePath)) {
      yield invalidValue(
        `${at}.devicePath`,
        devicePath,
        'must not already exist as a path in volumeMounts',
      );
    }
    if (name) names.add(name);
  }
}

function* validateDevicePath(
  { devicePath }: VolumeDevice,
  at: string,
  paths: Set<string>,
): Iterable<FieldError> {
  const field = `${at}.devicePath`;
  if (!devicePath) yield required(field);
  if (paths.has(devicePath)) yield invalidValue(field, devicePath, 'must be unique');
  if (!isClean(noBacksteps(devicePath, field))) {
    yield invalidValue(field, devicePath, "can not contain backsteps ('..')");
  } else paths.add(devicePath);
}
