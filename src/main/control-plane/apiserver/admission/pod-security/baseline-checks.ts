import {
  containersNamed,
  containersOf,
  distinct,
  hasOwnUsers,
  namesOf,
  plural,
  quoted,
  setters,
  unless,
  type AnyContainer,
  type Check,
  type CheckPod,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import {
  checkSeccompAnnotations,
  checkSeccompValues,
} from '#main/control-plane/apiserver/admission/pod-security/seccomp-checks.ts';
import { checkSeLinux } from '#main/control-plane/apiserver/admission/pod-security/se-linux-check.ts';
import type { LifecycleHandler, Probe } from '#shared/api/types/core-v1.ts';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

const checkAppArmor: CheckPod = ({ annotations, spec }) => {
  const podType = spec.securityContext?.appArmorProfile?.type;
  const isBad = (type: string | undefined): type is string =>
    type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost';
  const typeOf = (container: AnyContainer): string | undefined =>
    container.securityContext?.appArmorProfile?.type;
  const containers = namesOf(spec, (container) => isBad(typeOf(container)));
  const types = distinct([podType, ...containersOf(spec).map(typeOf)].filter(isBad));
  const bad = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !isAllowedProfile(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const who = [setters(isBad(podType), containers)].filter(Boolean);
  if (bad.length > 0) who.push(plural('annotation', 'annotations', bad.length));
  if (who.length === 0) return undefined;
  const values = [...types, ...bad];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.length),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
};

function isAllowedProfile(profile: string): boolean {
  return profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');
}

const defaultCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const checkCapabilities: CheckPod = ({ spec }) => {
  const addedBy = ({ securityContext }: AnyContainer): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const containers = namesOf(spec, (container) => addedBy(container).length > 0);
  if (containers.length === 0) return undefined;
  const added = distinct(containersOf(spec).flatMap(addedBy));
  return {
    reason: 'non-default capabilities',
    detail: `${containersNamed(containers)} must not include ${quoted(added)} in securityContext.capabilities.add`,
  };
};

const checkHostNamespaces: CheckPod = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name]);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') };
};

const checkHostPaths: CheckPod = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return {
    reason: 'hostPath volumes',
    detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}`,
  };
};

const checkHostPorts: CheckPod = ({ spec }) => {
  const portsOf = ({ ports }: AnyContainer): readonly string[] =>
    (ports ?? []).filter(({ hostPort }) => hostPort).map(({ hostPort }) => String(hostPort));
  const containers = namesOf(spec, (container) => portsOf(container).length > 0);
  if (containers.length === 0) return undefined;
  const ports = distinct(containersOf(spec).flatMap(portsOf));
  const use = plural('uses', 'use', containers.length);
  const what = plural('hostPort', 'hostPorts', ports.length);
  return {
    reason: 'hostPort',
    detail: `${containersNamed(containers)} ${use} ${what} ${ports.join(', ')}`,
  };
};

const checkProbeHosts: CheckPod = ({ spec }) => {
  const containers = distinct(namesOf(spec, (container) => hostsOf(container).length > 0));
  if (containers.length === 0) return undefined;
  const hosts = distinct(containersOf(spec).flatMap(hostsOf));
  const use = plural('uses', 'use', containers.length);
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length);
  return {
    reason: 'probe or lifecycle host',
    detail: `${containersNamed(containers)} ${use} ${what} ${quoted(hosts)}`,
  };
};

function hostsOf(container: AnyContainer): readonly string[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const handlers: readonly (Probe | LifecycleHandler | undefined)[] = [
    livenessProbe,
    readinessProbe,
    startupProbe,
    lifecycle?.postStart,
    lifecycle?.preStop,
  ];
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
    .filter((host): host is string => Boolean(host));
}

const checkPrivileged: CheckPod = ({ spec }) => {
  const containers = namesOf(spec, ({ securityContext }) => securityContext?.privileged === true);
  if (containers.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${containersNamed(containers)} must not set securityContext.privileged=true`,
  };
};

export const checkProcMount: CheckPod = ({ spec }) => {
  const typeOf = ({ securityContext }: AnyContainer): string =>
    securityContext?.procMount ?? 'Default';
  const containers = namesOf(spec, (container) => typeOf(container) !== 'Default');
  if (containers.length === 0) return undefined;
  const types = distinct(containersOf(spec).map(typeOf)).filter((type) => type !== 'Default');
  return {
    reason: 'procMount',
    detail: `${containersNamed(containers)} must not set securityContext.procMount to ${quoted(types)}`,
  };
};

const checkHostProcess: CheckPod = ({ spec }) => {
  const isPod = spec.securityContext?.windowsOptions?.hostProcess === true;
  const containers = namesOf(
    spec,
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  if (!isPod && containers.length === 0) return undefined;
  return {
    reason: 'hostProcess',
    detail: `${setters(isPod, containers)} must not set securityContext.windowsOptions.hostProcess=true`,
  };
};

const safeSysctls: readonly (readonly [since: number, names: readonly string[]])[] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

function checkSysctls(version: number): CheckPod {
  const safe = new Set(safeSysctls.flatMap(([since, names]) => (since <= version ? names : [])));
  return ({ spec }) => {
    const sysctls = spec.securityContext?.sysctls ?? [];
    const forbidden = sysctls.map(({ name }) => name).filter((name) => !safe.has(name));
    if (forbidden.length === 0) return undefined;
    return { reason: 'forbidden sysctls', detail: forbidden.join(', ') };
  };
}

const always = (check: CheckPod): Check['versions'] => [{ since: 0, check }];

export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', level: 'baseline', versions: always(checkAppArmor) },
  { id: 'capabilities_baseline', level: 'baseline', versions: always(checkCapabilities) },
  { id: 'hostNamespaces', level: 'baseline', versions: always(checkHostNamespaces) },
  { id: 'hostPathVolumes', level: 'baseline', versions: always(checkHostPaths) },
  { id: 'hostPorts', level: 'baseline', versions: always(checkHostPorts) },
  {
    id: 'hostProbesAndHostLifecycle',
    level: 'baseline',
    versions: [{ since: 34, check: checkProbeHosts }],
  },
  { id: 'privileged', level: 'baseline', versions: always(checkPrivileged) },
  {
    id: 'procMount',
    level: 'baseline',
    versions: [
      { since: 0, check: checkProcMount },
      { since: 35, check: unless(hasOwnUsers, checkProcMount) },
    ],
  },
  {
    id: 'seLinuxOptions',
    level: 'baseline',
    versions: [
      { since: 0, check: checkSeLinux(['container_t', 'container_init_t', 'container_kvm_t']) },
      {
        since: 31,
        check: checkSeLinux([
          'container_t',
          'container_init_t',
          'container_kvm_t',
          'container_engine_t',
        ]),
      },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    level: 'baseline',
    versions: [
      { since: 0, check: checkSeccompAnnotations },
      { since: 19, check: checkSeccompValues },
    ],
  },
  {
    id: 'sysctls',
    level: 'baseline',
    versions: safeSysctls.map(([since]) => ({ since, check: checkSysctls(since) })),
  },
  { id: 'windowsHostProcess', level: 'baseline', versions: always(checkHostProcess) },
];
