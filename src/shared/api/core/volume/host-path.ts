import type {
  GitRepoVolumeSource,
  HostPathVolumeSource,
  LocalVolumeSource,
} from '#shared/api/types/core-v1.ts';
import { descendingPath, noBacksteps } from '#shared/api/core/volume/paths.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { requireText } from '#shared/kube/checks.ts';
import { notSupported } from '#shared/kube/field-error.ts';

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

export function* validateHostPath(
  { path, type }: HostPathVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(path, `${field}.path`);
  yield* noBacksteps(path, `${field}.path`);
  if (type !== undefined && !hostPathTypes.includes(type)) {
    yield notSupported(`${field}.type`, type, hostPathTypes);
  }
}

export function* validateGitRepo(
  { repository, directory = '' }: GitRepoVolumeSource,
  field: string,
): Iterable<FieldError> {
  yield* requireText(repository, `${field}.repository`);
  yield* descendingPath(directory, `${field}.directory`);
}

export function* validateLocal({ path }: LocalVolumeSource, field: string): Iterable<FieldError> {
  yield* requireText(path, `${field}.path`);
  yield* noBacksteps(path, `${field}.path`);
}
