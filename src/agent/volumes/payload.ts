import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  VolumeProjection,
} from '#shared/api/types/core-v1.ts';
import { fieldValue, resourceValue } from '#agent/kubelet/containers/downward.ts';
import type { ProjectedFile } from './atomic-files.ts';
import type { VolumeContext } from './context.ts';
import { serviceAccountToken } from './tokens.ts';

type Files = Map<string, ProjectedFile>;

interface ObjectSource {
  readonly name: string;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}

interface PayloadTarget {
  readonly pod: Pod;
  readonly context: VolumeContext;
  readonly defaultMode: number;
}

export async function configMapFiles(source: ObjectSource, target: PayloadTarget): Promise<Files> {
  const namespace = target.pod.metadata.namespace ?? '';
  const found = await target.context.objects.configMap(namespace, source.name);
  return filesOf(found && configMapData(found), source, { kind: 'configmap', target });
}

export async function secretFiles(source: ObjectSource, target: PayloadTarget): Promise<Files> {
  const namespace = target.pod.metadata.namespace ?? '';
  const found = await target.context.objects.secret(namespace, source.name);
  return filesOf(found && secretData(found), source, { kind: 'secret', target });
}

function configMapData({ data = {}, binaryData = {} }: ConfigMap): Map<string, Buffer> {
  return new Map([
    ...Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const),
    ...Object.entries(binaryData).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);
}

function secretData({ data = {} }: Secret): Map<string, Buffer> {
  return new Map(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  );
}

function filesOf(
  data: Map<string, Buffer> | undefined,
  { name, items, optional = false }: ObjectSource,
  { kind, target }: { readonly kind: 'configmap' | 'secret'; readonly target: PayloadTarget },
): Files {
  if (!data) {
    if (optional) return new Map();
    throw new Error(`${kind} "${name}" not found`);
  }
  const { defaultMode } = target;
  if (!items?.length)
    return new Map([...data].map(([key, one]) => [key, { data: one, mode: defaultMode }]));
  const files: Files = new Map();
  for (const { key, path, mode = defaultMode } of items) {
    const found = data.get(key);
    if (found) files.set(path, { data: found, mode });
    else if (!optional)
      throw new Error(
        `references non-existent ${kind === 'secret' ? 'secret' : 'config'} key: ${key}`,
      );
  }
  return files;
}

export function downwardFiles(
  items: readonly DownwardAPIVolumeFile[],
  { pod, context, defaultMode }: PayloadTarget,
): Files {
  const files: Files = new Map();
  for (const { path, fieldRef, resourceFieldRef, mode = defaultMode } of items) {
    const [own] = pod.spec.containers;
    let text = '';
    if (fieldRef) text = fieldValue(pod, fieldRef.fieldPath, context.addresses(pod));
    else if (resourceFieldRef && own)
      text = resourceValue(pod, own, resourceFieldRef, context.allocatable());
    files.set(path, { data: Buffer.from(text), mode });
  }
  return files;
}

/** All that a projected volume shows, later sources over earlier ones. */
export async function projectedFiles(
  sources: readonly VolumeProjection[],
  target: PayloadTarget & { readonly volume: string },
): Promise<Files> {
  const files: Files = new Map();
  for (const source of sources)
    for (const [path, file] of await oneSource(source, target)) files.set(path, file);
  return files;
}

async function oneSource(
  {
    configMap,
    secret,
    downwardAPI,
    serviceAccountToken: token,
    clusterTrustBundle,
  }: VolumeProjection,
  target: PayloadTarget & { readonly volume: string },
): Promise<Files> {
  if (configMap) return await configMapFiles({ ...configMap, name: configMap.name ?? '' }, target);
  if (secret) return await secretFiles({ ...secret, name: secret.name ?? '' }, target);
  if (downwardAPI) return downwardFiles(downwardAPI.items ?? [], target);
  if (token) {
    const user = commonUser(target.pod);
    const isPrivate = user !== undefined || target.pod.spec.securityContext?.fsGroup !== undefined;
    const text = await serviceAccountToken(target.pod, token, target.context);
    const mode = isPrivate ? 0o600 : target.defaultMode;
    return new Map([[token.path, { data: Buffer.from(text), mode, user }]]);
  }
  if (clusterTrustBundle)
    throw new Error('cluster trust bundles are not served by this node; remove the source');
  throw new Error('a source of the volume is of a kind that this node does not know');
}

/** The user that all containers run as, if it is one and stated. */
function commonUser({ spec }: Pod): number | undefined {
  const ofPod = spec.securityContext?.runAsUser;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const users = new Set(containers.map((one) => one.securityContext?.runAsUser ?? ofPod));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}
