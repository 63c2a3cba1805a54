import type {
  EnvFromSource,
  EnvVar,
  PersistentVolume,
  Pod,
  Volume,
} from '#shared/api/types/core-v1.ts';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** What the node of a pod has to read for it, each as `resource namespace/name` and once. */
export function podReferences(pod: Pod): readonly string[] {
  const { metadata, spec, status } = pod;
  if (metadata.annotations?.[mirrorAnnotation] !== undefined) return [];
  const found = new Set<string>();
  const add = (resource: string, name: string | undefined): void => {
    if (name) found.add(`${resource} ${metadata.namespace}/${name}`);
  };
  add('serviceaccounts', spec.serviceAccountName);
  for (const { name } of spec.imagePullSecrets ?? []) add('secrets', name);
  for (const list of [spec.initContainers, spec.containers, spec.ephemeralContainers])
    for (const { env = [], envFrom = [] } of list ?? []) addEnvironment(add, env, envFrom);
  for (const volume of spec.volumes ?? []) addVolume(add, volume, metadata.name);
  for (const { name, resourceClaimName, resourceClaimTemplateName } of spec.resourceClaims ?? []) {
    const generated = status?.resourceClaimStatuses?.find((claim) => claim.name === name);
    add(
      'resourceclaims',
      resourceClaimTemplateName ? generated?.resourceClaimName : resourceClaimName,
    );
  }
  add('resourceclaims', status?.extendedResourceClaimStatus?.resourceClaimName);
  return [...found];
}

type Add = (resource: string, name: string | undefined) => void;

function addEnvironment(add: Add, env: readonly EnvVar[], from: readonly EnvFromSource[]): void {
  for (const { valueFrom } of env) {
    add('secrets', valueFrom?.secretKeyRef?.name);
    add('configmaps', valueFrom?.configMapKeyRef?.name);
  }
  for (const { secretRef, configMapRef } of from) {
    add('secrets', secretRef?.name);
    add('configmaps', configMapRef?.name);
  }
}

function addVolume(add: Add, volume: Volume, podName: string): void {
  add('secrets', volume.secret?.secretName);
  add('configmaps', volume.configMap?.name);
  for (const { secret, configMap } of volume.projected?.sources ?? []) {
    add('secrets', secret?.name);
    add('configmaps', configMap?.name);
  }
  add('persistentvolumeclaims', volume.persistentVolumeClaim?.claimName);
  if (volume.ephemeral) add('persistentvolumeclaims', `${podName}-${volume.name}`);
  add('secrets', volume.azureFile?.secretName);
  add('secrets', volume.cephfs?.secretRef?.name);
  add('secrets', volume.cinder?.secretRef?.name);
  add('secrets', volume.flexVolume?.secretRef?.name);
  add('secrets', volume.rbd?.secretRef?.name);
  add('secrets', volume.scaleIO?.secretRef?.name);
  add('secrets', volume.iscsi?.secretRef?.name);
  add('secrets', volume.storageos?.secretRef?.name);
  add('secrets', volume.csi?.nodePublishSecretRef?.name);
}

/** The secrets that a node reads to mount a volume, as `namespace/name`; the claim's namespace unless stated. */
export function volumeSecrets({ spec }: PersistentVolume): readonly string[] {
  const { azureFile, csi } = spec;
  const home = spec.claimRef?.namespace;
  const references = [
    spec.cephfs?.secretRef,
    spec.cinder?.secretRef,
    spec.flexVolume?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.iscsi?.secretRef,
    spec.storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
    azureFile && { name: azureFile.secretName, namespace: azureFile.secretNamespace },
  ];
  return references
    .filter((reference) => reference?.name)
    .map((reference) => `${reference!.namespace || home}/${reference!.name}`);
}
