import type { PodSpec, WindowsSecurityContextOptions } from '#shared/api/types/core-v1.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Subdomain } from '#shared/kube/names.ts';

const notOnWindows = 'cannot be set for a windows pod';
const netBiosDomain = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsLabel = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const dnsDomain = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

export function* validateWindowsOptions(
  options: WindowsSecurityContextOptions | undefined,
  field: string,
): Iterable<FieldError> {
  if (!options) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName } = options;
  if (name !== undefined) {
    yield* invalidEach(`${field}.gmsaCredentialSpecName`, name, dns1123Subdomain(name));
  }
  if (spec === '') {
    yield invalidValue(
      `${field}.gmsaCredentialSpec`,
      spec,
      'gmsaCredentialSpec cannot be an empty string',
    );
  } else if (spec !== undefined && byteLength(spec) > 64 * 1024) {
    yield invalidValue(
      `${field}.gmsaCredentialSpec`,
      spec,
      'gmsaCredentialSpec size must be under 64 KiB',
    );
  }
  if (runAsUserName === undefined) return;
  for (const problem of userNameProblems(runAsUserName)) {
    yield invalidValue(`${field}.runAsUserName`, runAsUserName, `runAsUserName${problem}`);
  }
}

function* userNameProblems(name: string): Iterable<string> {
  const parts = name.split('\\');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name !== '' && /[\u0000-\u001f\u007f]/.test(name)) yield ' cannot contain control characters';
  else if (name === '') yield ' cannot be an empty string';
  else if (parts.length > 2) yield ' cannot contain more than one backslash';
  else {
    const user = parts.at(-1)!;
    const domain = parts.length === 2 ? parts[0]! : undefined;
    if (domain !== undefined && byteLength(domain) >= 256) {
      yield "'s Domain length must be under 256 characters";
    }
    if (domain !== undefined && !netBiosDomain.test(domain) && !dnsDomain.test(domain)) {
      yield "'s Domain doesn't match the NetBios nor the DNS format";
    }
    if (user === '') yield "'s User cannot be empty";
    else if (byteLength(user) > 104) {
      yield "'s User length must not be longer than 104 characters";
    }
    if (/^[. ]+$/.test(user)) yield "'s User cannot contain only periods or spaces";
    if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
      yield `'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`;
    }
  }
}

/** All containers of a pod are host processes, or none is. */
export function* validateHostProcess(spec: PodSpec, field: string): Iterable<FieldError> {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let containers = 0;
  let hostProcesses = 0;
  for (const [container, path] of eachContainer(spec, field)) {
    containers++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      yield invalidValue(
        `${path}.securityContext.windowsOptions.hostProcess`,
        own,
        `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
      );
    }
    if (own ?? ofPod) hostProcesses++;
  }
  if (hostProcesses === 0) return;
  if (hostProcesses !== containers) {
    yield invalidValue(
      field,
      '',
      'If pod contains any hostProcess containers then all containers must be HostProcess containers',
    );
  }
  if (!spec.hostNetwork) {
    yield invalidValue(
      `${field}.hostNetwork`,
      false,
      'hostNetwork must be true if pod contains any hostProcess containers',
    );
  }
}

export function* validateLinuxPod(spec: PodSpec, field: string): Iterable<FieldError> {
  const problem = 'windows options cannot be set for a linux pod';
  if (spec.securityContext?.windowsOptions) {
    yield forbiddenValue(`${field}.securityContext.windowsOptions`, problem);
  }
  for (const [container, path] of eachContainer(spec, field)) {
    if (container.securityContext?.windowsOptions) {
      yield forbiddenValue(`${path}.securityContext.windowsOptions`, problem);
    }
  }
}

const containerMembers = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

export function* validateWindowsPod(spec: PodSpec, field: string): Iterable<FieldError> {
  for (const path of linuxOnlyMembers(spec)) yield forbiddenValue(`${field}.${path}`, notOnWindows);
  for (const [container, path] of eachContainer(spec, field)) {
    const context = container.securityContext;
    if (!context) continue;
    for (const member of containerMembers) {
      if (context[member] === undefined) continue;
      yield forbiddenValue(`${path}.securityContext.${member}`, notOnWindows);
    }
  }
}

function* linuxOnlyMembers(spec: PodSpec): Iterable<string> {
  const context = spec.securityContext ?? {};
  if (context.appArmorProfile) yield 'securityContext.appArmorProfile';
  if (context.seLinuxOptions) yield 'securityContext.seLinuxOptions';
  if (spec.hostUsers !== undefined) yield 'hostUsers';
  if (spec.hostPID) yield 'hostPID';
  if (spec.hostIPC) yield 'hostIPC';
  if (context.seccompProfile) yield 'securityContext.seccompProfile';
  if (context.fsGroup !== undefined) yield 'securityContext.fsGroup';
  if (context.fsGroupChangePolicy !== undefined) yield 'securityContext.fsGroupChangePolicy';
  if (context.sysctls?.length) yield 'securityContext.sysctls';
  if (spec.shareProcessNamespace !== undefined) yield 'shareProcessNamespace';
  const members = [
    'runAsUser',
    'runAsGroup',
    'supplementalGroups',
    'supplementalGroupsPolicy',
    'seLinuxChangePolicy',
  ] as const;
  for (const member of members) {
    if (context[member] !== undefined) yield `securityContext.${member}`;
  }
}
