import type { Container, EnvVar, Pod } from '#shared/api/types/core-v1.ts';
import type { ClusterObjects } from '../objects.ts';
import { fieldValue, resourceValue, type Capacity, type PodAddresses } from './downward.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { expand } from './expand.ts';
import { serviceVariables } from './service-variables.ts';

export interface EnvironmentSources {
  readonly objects: ClusterObjects;
  readonly addresses: PodAddresses;
  readonly allocatable: Capacity;
  /** The host's folder of one of the pod's volumes. */
  readonly volumeFolder: (volume: string) => string | undefined;
}

/** All variables of a container. Throws where something that is not optional is missing. */
export async function environmentOf(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const namespace = pod.metadata.namespace ?? '';
  const links = pod.spec.enableServiceLinks ?? true;
  const services = serviceVariables(sources.objects.services(), { namespace, links });
  const variables = new Map<string, string>();
  await addWhole(variables, pod, container, sources.objects);
  const known = (name: string): string | undefined => variables.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await valueFrom(pod, container, variable, sources)
      : expand(variable.value ?? '', known);
    if (value !== undefined) variables.set(variable.name, value);
  }
  for (const [name, value] of services) if (!variables.has(name)) variables.set(name, value);
  return variables;
}

async function addWhole(
  variables: Map<string, string>,
  pod: Pod,
  container: Container,
  objects: ClusterObjects,
): Promise<void> {
  const namespace = pod.metadata.namespace ?? '';
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) {
      const found = await objects.configMap(namespace, configMapRef.name ?? '');
      if (!found && !configMapRef.optional) throw missing('configmap', configMapRef.name);
      for (const [key, value] of Object.entries(found?.data ?? {}))
        variables.set(prefix + key, value);
    }
    if (secretRef) {
      const found = await objects.secret(namespace, secretRef.name ?? '');
      if (!found && !secretRef.optional) throw missing('secret', secretRef.name);
      for (const [key, value] of Object.entries(found?.data ?? {}))
        variables.set(prefix + key, decodeText(value));
    }
  }
}

async function valueFrom(
  pod: Pod,
  container: Container,
  { valueFrom: from = {} }: EnvVar,
  { objects, addresses, allocatable, volumeFolder }: EnvironmentSources,
): Promise<string | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from;
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, addresses);
  if (resourceFieldRef) return resourceValue(pod, container, resourceFieldRef, allocatable);
  if (configMapKeyRef) {
    const { name = '', key, optional = false } = configMapKeyRef;
    const found = await objects.configMap(namespace, name);
    const value = found?.data?.[key];
    if (value !== undefined || optional) return value;
    if (!found) throw missing('configmap', name);
    throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
  }
  if (secretKeyRef) {
    const { name = '', key, optional = false } = secretKeyRef;
    const found = await objects.secret(namespace, name);
    const value = found?.data?.[key];
    if (value !== undefined) return decodeText(value);
    if (optional) return undefined;
    if (!found) throw missing('secret', name);
    throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
  }
  if (!fileKeyRef) return undefined;
  return await readEnvironmentFile(fileKeyRef, volumeFolder(fileKeyRef.volumeName));
}

function missing(kind: string, name: string | undefined): Error {
  return new Error(`${kind} "${name}" not found`);
}

function decodeText(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
