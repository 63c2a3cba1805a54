import { referencesOf } from '#main/control-plane/apiserver/admission/service-account-volume.ts';
import type { Pod, Volume } from '#shared/api/types/core-v1.ts';

interface ApiReference {
  readonly resource: string;
  /** Set where the pod cannot be judged. */
  readonly error?: string;
}

/** Volumes that need nothing from the API. */
const independent: readonly (keyof Volume)[] = [
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
];

const dependent: readonly (readonly [keyof Volume, string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];

/** The first thing of the API that a pod refers to, as upstream names it. */
export function apiReference(pod: Pod): ApiReference | undefined {
  const { spec } = pod;
  if (spec?.serviceAccountName) return { resource: 'serviceaccounts' };
  const references = referencesOf(pod);
  for (const resource of ['secrets', 'configmaps']) {
    if (references.some((reference) => reference.startsWith(`${resource} `))) return { resource };
  }
  if (spec?.resourceClaims?.length) return { resource: 'resourceclaims' };
  for (const volume of spec?.volumes ?? []) {
    const reference = volumeReference(volume);
    if (reference) return reference;
  }
  return undefined;
}

function volumeReference(volume: Volume): ApiReference | undefined {
  if (independent.some((member) => volume[member] !== undefined)) return undefined;
  for (const [member, resource] of dependent) {
    if (volume[member] !== undefined) return { resource };
  }
  if (!volume.projected) {
    return {
      resource: '',
      error: `unknown volume type for volume  ${JSON.stringify(volume.name)}`,
    };
  }
  for (const source of volume.projected.sources ?? []) {
    if (source.configMap) return { resource: 'configmaps (via projected volumes)' };
    if (source.secret) return { resource: 'secrets (via projected volumes)' };
    if (source.serviceAccountToken) return { resource: 'serviceaccounts (via projected volumes)' };
    if (source.clusterTrustBundle) return { resource: 'clustertrustbundles' };
    if (source.podCertificate) return { resource: 'podcertificates' };
    if (!source.downwardAPI) {
      const name = JSON.stringify(volume.name);
      return { resource: '', error: `unknown source for projected volume ${name}` };
    }
  }
  return undefined;
}
