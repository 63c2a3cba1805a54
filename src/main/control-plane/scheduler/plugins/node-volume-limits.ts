import type { PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import type { CSINode, VolumeAttachment } from '#shared/api/types/storage-v1.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import type { Listers } from '../listers.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { inTreeDrivers, migratedVolume } from './in-tree-volumes.ts';
import { names } from './names.ts';
import { claimOf, claimsOf, classOf, foreignClaim, missing, usesClaim } from './volumes.ts';

/** Unique volume → its CSI driver. */
type AttachableVolumes = Map<string, string>;

const tooMany = refusal(names.nodeVolumeLimits, 'Unschedulable', 'node(s) exceed max volume count');

/** A node's CSI drivers attach only so many volumes. */
export const nodeVolumeLimits: PluginFactory = {
  name: names.nodeVolumeLimits,
  create: ({ listers }) =>
    plugin({
      name: names.nodeVolumeLimits,
      events,
      preFilter: ({ pod }) =>
        pod.spec.volumes && (claimsOf(pod).length > 0 || hasMigrated(pod))
          ? { state: undefined }
          : skip,
      filter(_state, { pod }, { name, pods }) {
        const csiNode = listers.csiNodes.get(name);
        const wanted: AttachableVolumes = new Map();
        const trouble = collectVolumes(pod, wanted, { listers, csiNode });
        if (trouble)
          return refusal(names.nodeVolumeLimits, 'UnschedulableAndUnresolvable', trouble);
        if (wanted.size === 0) return undefined;
        const limits = limitsOf(csiNode);
        if (limits.size === 0) return undefined;
        const attached: AttachableVolumes = new Map();
        for (const other of pods) collectVolumes(other.pod, attached, { listers, csiNode });
        addAttachments(name, attached, listers);
        return exceeds(wanted, attached, limits) ? tooMany : undefined;
      },
    }),
};

function exceeds(
  wanted: AttachableVolumes,
  attached: AttachableVolumes,
  limits: ReadonlyMap<string, number>,
): boolean {
  const counts = new Map<string, number>();
  const isNew = new Set<string>();
  for (const driver of attached.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  for (const [volume, driver] of wanted) {
    if (attached.has(volume)) continue;
    isNew.add(driver);
    counts.set(driver, (counts.get(driver) ?? 0) + 1);
  }
  for (const driver of isNew) {
    const limit = limits.get(driver);
    if (limit !== undefined && (counts.get(driver) ?? 0) > limit) return true;
  }
  return false;
}

/** Adds what the pod attaches; a sentence when one of its claims is missing. */
function collectVolumes(
  pod: Pod,
  result: AttachableVolumes,
  { listers, csiNode }: { readonly listers: Listers; readonly csiNode: CSINode | undefined },
): string | undefined {
  let trouble: string | undefined;
  const namespace = pod.metadata.namespace ?? '';
  for (const volume of pod.spec.volumes ?? []) {
    const reference = claimOf(pod, volume);
    if (!reference) {
      const migrated = csiNode && migratedVolume(volume);
      if (migrated) result.set(`${migrated.driver}/${migrated.handle}`, migrated.driver);
      continue;
    }
    const { name, isEphemeral } = reference;
    const claim = listers.persistentVolumeClaims.get(`${namespace}/${name}`);
    if (!claim) {
      trouble ??= `looking up PVC ${namespace}/${name}: ${missing('persistentvolumeclaim', name)}`;
      continue;
    }
    const foreign = isEphemeral ? foreignClaim(pod, claim) : undefined;
    if (foreign) throw new Error(foreign);
    const source = csiSource(claim, listers, csiNode);
    if (source) result.set(`${source.driver}/${source.handle}`, source.driver);
  }
  return trouble;
}

interface CsiSource {
  readonly driver: string;
  readonly handle: string;
}

/** The CSI volume behind a claim, or the one that its class will provision. */
function csiSource(
  claim: PersistentVolumeClaim,
  listers: Listers,
  csiNode: CSINode | undefined,
): CsiSource | undefined {
  const volume = claim.spec?.volumeName
    ? listers.persistentVolumes.get(claim.spec.volumeName)
    : undefined;
  if (volume) {
    const { csi } = volume.spec ?? {};
    if (csi) return { driver: csi.driver, handle: csi.volumeHandle };
    return csiNode && volume.spec ? migratedVolume(volume.spec) : undefined;
  }
  const storageClass = listers.storageClasses.get(classOf(claim));
  if (!storageClass) return undefined;
  const migrated = inTreeDrivers.get(storageClass.provisioner);
  if (migrated && !csiNode) return undefined;
  const { namespace, name } = claim.metadata;
  return {
    driver: migrated ?? storageClass.provisioner,
    handle: `to-provision/${namespace}/${name}`,
  };
}

/** Volumes that are still attached though no pod on the node has them. */
function addAttachments(nodeName: string, attached: AttachableVolumes, listers: Listers): void {
  for (const { spec } of listers.volumeAttachments.by('node', nodeName)) {
    const volume = listers.persistentVolumes.get(spec.source.persistentVolumeName ?? '');
    const handle = volume?.spec?.csi?.volumeHandle;
    if (spec.attacher && handle !== undefined)
      attached.set(`${spec.attacher}/${handle}`, spec.attacher);
  }
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const { name, allocatable } of csiNode?.spec.drivers ?? [])
    if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
  return limits;
}

function hasMigrated({ spec }: Pod): boolean {
  return spec.volumes?.some((volume) => migratedVolume(volume) !== undefined) ?? false;
}

const events: readonly EventInterest[] = [
  { resource: 'CSINode', action: actions.add },
  {
    resource: 'CSINode',
    action: actions.update,
    hint(_pod, before, after) {
      const old = limitsOf(before as CSINode);
      return [...limitsOf(after as CSINode)].some(([name, limit]) => limit > (old.get(name) ?? 0));
    },
  },
  {
    resource: 'Pod',
    action: actions.delete,
    hint(_pod, before) {
      const gone = before as Pod;
      if (!gone.spec.nodeName && !gone.status?.nominatedNodeName) return false;
      return claimsOf(gone).length > 0 || hasMigrated(gone);
    },
  },
  {
    resource: 'PersistentVolumeClaim',
    action: actions.add,
    hint: ({ pod }, _before, after) => usesClaim(pod, after as PersistentVolumeClaim),
  },
  {
    resource: 'VolumeAttachment',
    action: actions.delete,
    hint({ pod }, before) {
      const { attacher } = (before as VolumeAttachment).spec;
      return (pod.spec.volumes ?? []).some(
        (volume) =>
          volume.persistentVolumeClaim !== undefined || migratedVolume(volume)?.driver === attacher,
      );
    },
  },
];
