import type { ContainerMount } from '#agent/container-runtime/types.ts';
import type { Container } from '#shared/api/types/core-v1.ts';
import type { StartParts, StartTarget } from '../containers/start.ts';

/**
 * Sees to it that the images which a container mounts as volumes are there. Returns what the runtime
 * mounts by itself; where it cannot, they are mounted in the volumes' folders.
 */
export async function imageVolumes(
  container: Container,
  { pod, secrets, sandboxConfig, signal }: StartTarget,
  { puller, volumes, canMountImages }: StartParts,
): Promise<ReadonlyMap<string, ContainerMount['image']>> {
  const mounted = new Map<string, ContainerMount['image']>();
  for (const name of new Set((container.volumeMounts ?? []).map((mount) => mount.name))) {
    const image = pod.spec.volumes?.find((volume) => volume.name === name)?.image;
    if (!image) continue;
    const { reference: named = '', pullPolicy: policy = 'IfNotPresent' } = image;
    const fieldPath = undefined;
    const request = { pod, named, policy, fieldPath, secrets, sandboxConfig, signal };
    const { id } = await puller.ensure(request);
    if (canMountImages()) {
      const { annotations = {} } = pod.metadata;
      mounted.set(name, { image: id, userSpecifiedImage: named, annotations });
    } else await volumes.mountImage(pod, name, id);
  }
  return mounted;
}
