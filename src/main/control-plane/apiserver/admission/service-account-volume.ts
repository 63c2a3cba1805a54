import { podReferences } from '#main/control-plane/apiserver/authorization/pod-references.ts';
import { generateName } from '#main/control-plane/apiserver/registry/metadata.ts';
import type { Pod, PodSpec, Volume } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const volumePrefix = 'kube-api-access-';
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** An hour and seven seconds: the number by which upstream knows the tokens that it may extend. */
const expirationSeconds = 60 * 60 + 7;

/** Gives each container that has nothing there yet the account's token, the CA and the namespace. */
export function mountToken(spec: Draft<PodSpec>): void {
  const existing = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = existing?.name ?? generateName(volumePrefix);
  let isNeeded = false;
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  for (const container of containers) {
    const mounts = container.volumeMounts ?? [];
    if (mounts.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...mounts, { name, readOnly: true, mountPath }];
    isNeeded = true;
  }
  if (!existing && isNeeded) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [
              {
                path: 'namespace',
                fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
              },
            ],
          },
        },
      ],
      defaultMode: 420,
    },
  };
}

/** What a pod refers to, mirror pods included: `secrets ns/name` and the like. */
export function referencesOf({ metadata, ...pod }: Pod): readonly string[] {
  const { annotations: _, ...rest } = metadata;
  return podReferences({ ...pod, metadata: rest });
}
