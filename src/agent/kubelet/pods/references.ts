import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { allContainers } from './pod-containers.ts';

/** The names of the ConfigMaps that the pod's containers and volumes refer to. */
export function referencedConfigMaps(pod: Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined): void => void (name && names.add(name));
  for (const { configMap, projected } of pod.spec.volumes ?? []) {
    add(configMap?.name);
    for (const source of projected?.sources ?? []) add(source.configMap?.name);
  }
  for (const container of containersOf(pod)) {
    for (const { configMapRef } of container.envFrom ?? []) add(configMapRef?.name);
    for (const { valueFrom } of container.env ?? []) add(valueFrom?.configMapKeyRef?.name);
  }
  return names;
}

/** The same for Secrets, those for pulling images included. */
export function referencedSecrets(pod: Pod): Set<string> {
  const names = new Set<string>();
  const add = (name: string | undefined): void => void (name && names.add(name));
  for (const { secret, projected } of pod.spec.volumes ?? []) {
    add(secret?.secretName);
    for (const source of projected?.sources ?? []) add(source.secret?.name);
  }
  for (const { name } of pod.spec.imagePullSecrets ?? []) add(name);
  for (const container of containersOf(pod)) {
    for (const { secretRef } of container.envFrom ?? []) add(secretRef?.name);
    for (const { valueFrom } of container.env ?? []) add(valueFrom?.secretKeyRef?.name);
  }
  return names;
}

function containersOf(pod: Pod): readonly Container[] {
  return allContainers(pod).map(({ container }) => container);
}
