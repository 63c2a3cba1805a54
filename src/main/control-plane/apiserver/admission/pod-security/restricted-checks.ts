import { checkProcMount } from '#main/control-plane/apiserver/admission/pod-security/baseline-checks.ts';
import {
  containersNamed,
  containersOf,
  distinct,
  hasOwnUsers,
  isWindows,
  namesOf,
  plural,
  quoted,
  setters,
  unless,
  type AnyContainer,
  type Check,
  type CheckPod,
} from '#main/control-plane/apiserver/admission/pod-security/check.ts';
import { checkSeccompRestricted } from '#main/control-plane/apiserver/admission/pod-security/seccomp-checks.ts';
import type { Volume } from '#shared/api/types/core-v1.ts';

const checkEscalation: CheckPod = ({ spec }) => {
  const containers = namesOf(
    spec,
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (containers.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersNamed(containers)} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

const checkCapabilities: CheckPod = ({ spec }) => {
  const addedBy = ({ securityContext }: AnyContainer): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesOf(
    spec,
    ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'),
  );
  const adding = namesOf(spec, (container) => addedBy(container).length > 0);
  const details: string[] = [];
  if (keeping.length > 0) {
    details.push(`${containersNamed(keeping)} must set securityContext.capabilities.drop=["ALL"]`);
  }
  if (adding.length > 0) {
    const added = distinct(containersOf(spec).flatMap(addedBy));
    details.push(
      `${containersNamed(adding)} must not include ${quoted(added)} in securityContext.capabilities.add`,
    );
  }
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
};

const allowedVolumes: readonly (keyof Volume)[] = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const namedVolumes: readonly (keyof Volume)[] = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
];

const checkVolumes: CheckPod = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter(
    (volume) => !allowedVolumes.some((member) => volume[member] !== undefined),
  );
  if (bad.length === 0) return undefined;
  const types = distinct(
    bad.map((volume) => namedVolumes.find((member) => volume[member] !== undefined) ?? 'unknown'),
  );
  const names = quoted(bad.map(({ name }) => name));
  const use = plural('uses', 'use', bad.length);
  const what = plural('restricted volume type', 'restricted volume types', types.length);
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', 'volumes', bad.length)} ${names} ${use} ${what} ${quoted(types)}`,
  };
};

const checkNonRoot: CheckPod = ({ spec }) => {
  const podSays = spec.securityContext?.runAsNonRoot;
  const says = ({ securityContext }: AnyContainer): boolean | undefined =>
    securityContext?.runAsNonRoot;
  const explicit = namesOf(spec, (container) => says(container) === false);
  const reason = 'runAsNonRoot != true';
  if (podSays === false || explicit.length > 0) {
    const who = setters(podSays === false, explicit);
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  }
  if (podSays === true) return undefined;
  const implicit = namesOf(spec, (container) => says(container) === undefined);
  if (implicit.length === 0) return undefined;
  return {
    reason,
    detail: `pod or ${containersNamed(implicit)} must set securityContext.runAsNonRoot=true`,
  };
};

const checkUser: CheckPod = ({ spec }) => {
  const isPod = spec.securityContext?.runAsUser === 0;
  const containers = namesOf(spec, ({ securityContext }) => securityContext?.runAsUser === 0);
  if (!isPod && containers.length === 0) return undefined;
  return {
    reason: 'runAsUser=0',
    detail: `${setters(isPod, containers)} must not set runAsUser=0`,
  };
};

export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    level: 'restricted',
    versions: [
      { since: 8, check: checkEscalation },
      { since: 25, check: unless(isWindows, checkEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    level: 'restricted',
    overrides: ['capabilities_baseline'],
    versions: [
      { since: 22, check: checkCapabilities },
      { since: 25, check: unless(isWindows, checkCapabilities) },
    ],
  },
  {
    id: 'procMount_restricted',
    level: 'restricted',
    overrides: ['procMount'],
    versions: [{ since: 35, check: checkProcMount }],
  },
  {
    id: 'restrictedVolumes',
    level: 'restricted',
    overrides: ['hostPathVolumes'],
    versions: [{ since: 0, check: checkVolumes }],
  },
  {
    id: 'runAsNonRoot',
    level: 'restricted',
    versions: [
      { since: 0, check: checkNonRoot },
      { since: 35, check: unless(hasOwnUsers, checkNonRoot) },
    ],
  },
  {
    id: 'runAsUser',
    level: 'restricted',
    versions: [
      { since: 23, check: checkUser },
      { since: 35, check: unless(hasOwnUsers, checkUser) },
    ],
  },
  {
    id: 'seccompProfile_restricted',
    level: 'restricted',
    overrides: ['seccompProfile_baseline'],
    versions: [
      { since: 19, check: checkSeccompRestricted },
      { since: 25, check: unless(isWindows, checkSeccompRestricted) },
    ],
  },
];
