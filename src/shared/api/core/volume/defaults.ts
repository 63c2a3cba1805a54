import type {
  AzureDiskVolumeSource,
  ObjectFieldSelector,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  Volume,
} from '#shared/api/types/core-v1.ts';
import { imageTag } from '#shared/api/core/pod/image.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import type { Draft } from '#shared/kube/object.ts';

const mode = 0o644;

export function defaultVolume(volume: Draft<Volume>): void {
  if (Object.keys(volume).every((member) => member === 'name')) volume.emptyDir = {};
  const { image, secret, configMap, downwardAPI, projected, ephemeral } = volume;
  if (image && !image.pullPolicy) image.pullPolicy = pullPolicyOf(image.reference ?? '');
  defaultSharedSources(volume);
  if (secret) secret.defaultMode ??= mode;
  if (configMap) configMap.defaultMode ??= mode;
  if (downwardAPI) {
    downwardAPI.defaultMode ??= mode;
    for (const { fieldRef } of downwardAPI.items ?? []) defaultFieldReference(fieldRef);
  }
  if (projected) {
    projected.defaultMode ??= mode;
    for (const source of projected.sources ?? []) {
      for (const { fieldRef } of source.downwardAPI?.items ?? []) defaultFieldReference(fieldRef);
      const token = source.serviceAccountToken;
      if (token) token.expirationSeconds ??= 3600;
    }
  }
  if (ephemeral?.volumeClaimTemplate) defaultClaimSpec(ephemeral.volumeClaimTemplate.spec);
}

export function defaultClaimSpec(spec: Draft<PersistentVolumeClaimSpec>): void {
  spec.volumeMode ??= 'Filesystem';
  roundAmounts(spec.resources?.limits);
  roundAmounts(spec.resources?.requests);
}

export function pullPolicyOf(image: string): string {
  return imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent';
}

export function defaultFieldReference(reference: Draft<ObjectFieldSelector> | undefined): void {
  if (reference && !reference.apiVersion) reference.apiVersion = 'v1';
}

/** Sources that pods and PersistentVolumes have alike. */
export function defaultSharedSources(
  source: Pick<
    Draft<Volume & PersistentVolumeSpec>,
    'azureDisk' | 'hostPath' | 'iscsi' | 'rbd' | 'scaleIO'
  >,
): void {
  const { azureDisk, hostPath, iscsi, rbd, scaleIO } = source;
  if (hostPath) hostPath.type ??= '';
  if (iscsi && !iscsi.iscsiInterface) iscsi.iscsiInterface = 'default';
  if (rbd) {
    if (!rbd.pool) rbd.pool = 'rbd';
    if (!rbd.user) rbd.user = 'admin';
    if (!rbd.keyring) rbd.keyring = '/etc/ceph/keyring';
  }
  if (azureDisk) defaultAzureDisk(azureDisk);
  if (scaleIO) {
    if (!scaleIO.storageMode) scaleIO.storageMode = 'ThinProvisioned';
    if (!scaleIO.fsType) scaleIO.fsType = 'xfs';
  }
}

function defaultAzureDisk(disk: Draft<AzureDiskVolumeSource>): void {
  disk.cachingMode ??= 'ReadWrite';
  disk.fsType ??= 'ext4';
  disk.readOnly ??= false;
  disk.kind ??= 'Shared';
}
