import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { sleep } from '#shared/base/clock.ts';
import type { PodInfo } from '../pod-info.ts';
import type { BindTarget, PluginContext } from '../plugin.ts';
import type { NodeVolumes, StaticBinding, VolumeBinder } from './volume-binder.ts';
import { isPromisedTo, isReachable } from './volume-matching.ts';
import { boundByControllerAnnotation, isFullyBound, selectedNodeAnnotation } from './volumes.ts';

const pollMs = 1000;

interface Work {
  readonly pod: PodInfo;
  readonly found: NodeVolumes;
  readonly target: BindTarget;
  readonly timeoutMs: number;
}

/** Promises the volumes to the claims, in memory, so that no other pod gets them meanwhile. */
export function assumeVolumes(
  binder: VolumeBinder,
  { bindings, provisions }: NodeVolumes,
  nodeName: string,
): NodeVolumes {
  const promised = bindings.map(({ volume, claim }): StaticBinding => {
    const changed = promisedTo(volume, claim);
    if (changed !== volume) binder.volumes.assume(volume.metadata.name ?? '', changed);
    return { volume: changed, claim };
  });
  const placed = provisions.map((claim): PersistentVolumeClaim => {
    const annotations = { ...claim.metadata.annotations, [selectedNodeAnnotation]: nodeName };
    const changed = { ...claim, metadata: { ...claim.metadata, annotations } };
    binder.claims.assume(keyOfClaim(claim), changed);
    return changed;
  });
  return { bindings: promised, provisions: placed };
}

export function forgetVolumes(binder: VolumeBinder, { bindings, provisions }: NodeVolumes): void {
  for (const { volume } of bindings) binder.volumes.restore(volume.metadata.name ?? '');
  for (const claim of provisions) binder.claims.restore(keyOfClaim(claim));
}

/** Writes the promises to the API server and waits until the volume controller has kept them. */
export async function bindVolumes(
  context: PluginContext,
  { pod, found, target, timeoutMs }: Work,
): Promise<void> {
  const { cluster, clock } = context;
  const { signal, nodeName } = target;
  for (const { volume } of found.bindings)
    await cluster.update(persistentVolumes, volume, { signal });
  for (const claim of found.provisions)
    await cluster.update(persistentVolumeClaims, claim, { signal });
  const deadline = clock.now() + timeoutMs;
  while (clock.now() < deadline) {
    await sleep(clock, pollMs, signal);
    if (areBound(context, { pod, found, nodeName })) return;
  }
  throw new Error(`binding volumes: context deadline exceeded`);
}

/** Throws when the promises cannot be kept any more. */
function areBound(
  { listers, snapshot }: PluginContext,
  { pod, found, nodeName }: { pod: PodInfo; found: NodeVolumes; nodeName: string },
): boolean {
  const node = snapshot.get(nodeName)?.node;
  if (!node) throw new Error(`binding volumes: failed to get node "${nodeName}"`);
  if (!listers.pods.get(pod.key)) throw new Error('binding volumes: pod does not exist any more');
  const check = (volume: PersistentVolume | undefined): boolean => {
    if (!volume) return false;
    if (!isReachable(volume, node))
      throw new Error(
        `binding volumes: pv "${volume.metadata.name}" node affinity doesn't match node "${nodeName}"`,
      );
    return true;
  };
  for (const { volume, claim } of found.bindings) {
    const live = listers.persistentVolumes.get(volume.metadata.name ?? '');
    const liveClaim = listers.persistentVolumeClaims.get(keyOfClaim(claim));
    if (!live || !liveClaim) throw new Error('binding volumes: failed to check binding');
    if (!check(live) || !isFullyBound(liveClaim)) return false;
  }
  for (const claim of found.provisions) {
    const live = listers.persistentVolumeClaims.get(keyOfClaim(claim));
    if (!live) throw new Error('binding volumes: failed to check provisioning pvc');
    const isOld = live.metadata.resourceVersion === claim.metadata.resourceVersion;
    if (isOld) return false;
    if (live.metadata.annotations?.[selectedNodeAnnotation] !== nodeName)
      throw new Error(`binding volumes: provisioning failed for PVC "${claim.metadata.name}"`);
    const name = live.spec?.volumeName;
    if (name && !check(listers.persistentVolumes.get(name))) return false;
    if (!isFullyBound(live)) return false;
  }
  return true;
}

function promisedTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { name, namespace, uid, resourceVersion } = claim.metadata;
  const reference = volume.spec?.claimRef;
  const isSet =
    reference?.name === name && reference?.namespace === namespace && reference?.uid === uid;
  const isByUs =
    !isPromisedTo(volume, claim) &&
    volume.metadata.annotations?.[boundByControllerAnnotation] === undefined;
  if (isSet && !isByUs) return volume;
  const claimRef = isSet
    ? reference
    : { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion };
  const annotations = isByUs
    ? { ...volume.metadata.annotations, [boundByControllerAnnotation]: 'yes' }
    : volume.metadata.annotations;
  return {
    ...volume,
    metadata: { ...volume.metadata, ...(annotations && { annotations }) },
    spec: { ...volume.spec, claimRef },
  } as PersistentVolume;
}

function keyOfClaim({ metadata }: PersistentVolumeClaim): string {
  return `${metadata.namespace}/${metadata.name}`;
}
