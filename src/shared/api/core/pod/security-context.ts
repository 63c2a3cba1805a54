import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from '#shared/api/types/core-v1.ts';
import type { PodAllowances } from '#shared/api/core/pod/context.ts';
import { validateWindowsOptions } from '#shared/api/core/pod/windows.ts';
import { descendingPath } from '#shared/api/core/volume/paths.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import {
  duplicateValue,
  invalidValue,
  notOneOf,
  notSupported,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import { byteLength, userId } from '#shared/kube/names.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const sysctlFormat = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctl = new RegExp(`^${sysctlFormat}$`);
const ipcSysctl = /^(kernel\.(sem|shm(all|max|mni|_rmid_forced)?|msg(max|mnb|mni)?)$|fs\.mqueue\.)/;

export function* validateSecurityContext(
  context: SecurityContext | undefined,
  field: string,
  usesHostUsers: boolean,
): Iterable<FieldError> {
  if (!context) return;
  const { runAsUser, runAsGroup, procMount, privileged } = context;
  if (runAsUser !== undefined) {
    yield* invalidEach(`${field}.runAsUser`, runAsUser, userId(runAsUser));
  }
  if (runAsGroup !== undefined) {
    yield* invalidEach(`${field}.runAsGroup`, runAsGroup, userId(runAsGroup));
  }
  if (procMount !== undefined && procMount !== 'Default' && procMount !== 'Unmasked') {
    yield notOneOf(`${field}.procMount`, procMount, ['Default', 'Unmasked']);
  }
  if (procMount === 'Unmasked' && usesHostUsers) {
    yield invalidValue(
      `${field}.procMount`,
      procMount,
      '`hostUsers` must be false to use `Unmasked`',
    );
  }
  yield* validateSeccompProfile(context.seccompProfile, `${field}.seccompProfile`);
  if (context.allowPrivilegeEscalation === false) {
    if (privileged) {
      yield invalidValue(
        field,
        context,
        'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      );
    }
    for (const capability of context.capabilities?.add ?? []) {
      if (capability !== 'CAP_SYS_ADMIN') continue;
      yield invalidValue(
        field,
        context,
        'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
      );
    }
  }
  yield* validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`);
  yield* validateAppArmorProfile(context.appArmorProfile, `${field}.appArmorProfile`);
}

export function* validatePodSecurityContext(
  spec: PodSpec,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  const context = spec.securityContext;
  if (context) yield* validateIds(context, field);
  if (spec.shareProcessNamespace && spec.hostPID) {
    yield invalidValue(
      `${field}.shareProcessNamespace`,
      true,
      'ShareProcessNamespace and HostPID cannot both be enabled',
    );
  }
  if (!context) return;
  yield* validateSysctls(spec, context, `${field}.sysctls`, allows);
  yield* oneOf(context.fsGroupChangePolicy, `${field}.fsGroupChangePolicy`, [
    'Always',
    'OnRootMismatch',
  ]);
  yield* validateSeccompProfile(context.seccompProfile, `${field}.seccompProfile`);
  yield* validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`);
  yield* validateAppArmorProfile(context.appArmorProfile, `${field}.appArmorProfile`);
  yield* oneOf(context.supplementalGroupsPolicy, `${field}.supplementalGroupsPolicy`, [
    'Merge',
    'Strict',
  ]);
  yield* oneOf(
    context.seLinuxChangePolicy,
    `${field}.seLinuxChangePolicy`,
    allows.mountSeLinuxChangePolicy ? ['MountOption', 'Recursive'] : ['Recursive'],
  );
}

function* validateIds(context: PodSecurityContext, field: string): Iterable<FieldError> {
  for (const member of ['fsGroup', 'runAsUser', 'runAsGroup'] as const) {
    const id = context[member];
    if (id !== undefined) yield* invalidEach(`${field}.${member}`, id, userId(id));
  }
  for (const [index, id] of (context.supplementalGroups ?? []).entries()) {
    yield* invalidEach(`${field}.supplementalGroups[${index}]`, id, userId(id));
  }
}

function* oneOf(
  value: string | undefined,
  field: string,
  supported: readonly string[],
): Iterable<FieldError> {
  if (value !== undefined && !supported.includes(value)) {
    yield notSupported(field, value, supported);
  }
}

function* validateSysctls(
  spec: PodSpec,
  context: PodSecurityContext,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, { name = '' }] of (context.sysctls ?? []).entries()) {
    const path = `${field}[${index}].name`;
    if (!name) yield required(path);
    else if (name.length > 253 || !sysctl.test(name)) {
      yield invalidValue(
        path,
        name,
        `must have at most 253 characters and match regex ^${sysctlFormat}$`,
      );
    } else if (seen.has(name)) yield duplicateValue(path, name);
    if (!allows.hostSysctls) {
      const problem = hostSysctlProblem(spec, name);
      if (problem) yield invalidValue(path, name, problem);
    }
    seen.add(name);
  }
}

/** A namespaced sysctl would change the host where the pod shares that namespace with it. */
export function hostSysctlProblem(
  { hostNetwork, hostIPC }: Pick<PodSpec, 'hostNetwork' | 'hostIPC'>,
  name: string,
): string | undefined {
  const dotted = withDots(name);
  if (hostNetwork && dotted.startsWith('net.')) {
    return "may not be specified when 'hostNetwork' is true";
  }
  if (hostIPC && ipcSysctl.test(dotted)) return "may not be specified when 'hostIPC' is true";
  return undefined;
}

/** A name written with slashes first has its dots and slashes swapped. */
function withDots(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '/') return name;
  return name.replaceAll(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}

function* validateSeccompProfile(
  profile: SeccompProfile | undefined,
  field: string,
): Iterable<FieldError> {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (!type) yield required(`${field}.type`, 'type is required when seccompProfile is set');
  else if (!profileTypes.includes(type)) {
    yield notOneOf(`${field}.type`, type, profileTypes);
  }
  if (type === 'Localhost') {
    if (localhostProfile === undefined) {
      yield required(`${field}.localhostProfile`, 'must be set when seccomp type is Localhost');
    } else yield* descendingPath(localhostProfile, `${field}.localhostProfile`);
  } else if (localhostProfile !== undefined) {
    yield invalidValue(
      `${field}.localhostProfile`,
      profile,
      'can only be set when seccomp type is Localhost',
    );
  }
}

export function* validateAppArmorProfile(
  profile: AppArmorProfile | undefined,
  field: string,
): Iterable<FieldError> {
  if (!profile) return;
  const { type, localhostProfile: path } = profile;
  const at = `${field}.localhostProfile`;
  if (type === 'Localhost') {
    const missing = 'must be set when AppArmor type is Localhost';
    if (path === undefined) yield required(at, missing);
    else {
      if (path.trim() !== path) {
        yield invalidValue(at, path, 'must not be padded with whitespace');
      } else if (path === '') yield required(at, missing);
      if (byteLength(path) > 4095) yield tooLong(at, 4095);
    }
  } else if (type === 'RuntimeDefault' || type === 'Unconfined') {
    if (path !== undefined) {
      yield invalidValue(at, path, 'can only be set when AppArmor type is Localhost');
    }
  } else if (!type) {
    yield required(`${field}.type`, 'type is required when appArmorProfile is set');
  } else yield notOneOf(`${field}.type`, type, profileTypes);
}
