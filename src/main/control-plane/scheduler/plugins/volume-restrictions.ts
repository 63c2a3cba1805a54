import type { PersistentVolumeClaim, Pod, Volume } from '#shared/api/types/core-v1.ts';
import { actions } from '../cluster-events.ts';
import type { PodInfo } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';
import { missing } from './volumes.ts';

interface State {
  /** Claims of the pod that only one pod may use at a time. */
  readonly exclusive: ReadonlySet<string>;
  uses: number;
  readonly disks: readonly Volume[];
}

const diskConflict = refusal(
  names.volumeRestrictions,
  'Unschedulable',
  'node(s) had no available disk',
);
const claimConflict = refusal(
  names.volumeRestrictions,
  'Unschedulable',
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
);

/** Disks that only one pod of a node may mount, and claims that only one pod at all may use. */
export const volumeRestrictions: PluginFactory = {
  name: names.volumeRestrictions,
  create: ({ snapshot, listers }) =>
    plugin<State>({
      name: names.volumeRestrictions,
      events: [
        {
          resource: 'Pod',
          action: actions.delete,
          hint: ({ pod, namespace, claimNames }, before) =>
            isFreed(pod, before as Pod, { namespace, claimNames }),
        },
        { resource: 'Node', action: actions.add },
        {
          resource: 'PersistentVolumeClaim',
          action: actions.add,
          hint({ namespace, claimNames }, _before, after) {
            const { metadata } = after as PersistentVolumeClaim;
            return metadata.namespace === namespace && claimNames.includes(metadata.name ?? '');
          },
        },
      ],
      preFilter({ pod, namespace, claimNames }) {
        if (!pod.spec.volumes?.length) return skip;
        const exclusive = new Set<string>();
        let uses = 0;
        for (const name of new Set(claimNames)) {
          const claim = listers.persistentVolumeClaims.get(`${namespace}/${name}`);
          if (!claim) {
            return refusal(
              names.volumeRestrictions,
              'UnschedulableAndUnresolvable',
              missing('persistentvolumeclaim', name),
            );
          }
          if (!claim.spec?.accessModes?.includes('ReadWriteOncePod')) continue;
          exclusive.add(name);
          if (snapshot.claimUses.has(`${namespace}/${name}`)) uses++;
        }
        const disks = pod.spec.volumes.filter(isRestricted);
        return disks.length === 0 && uses === 0 ? skip : { state: { exclusive, uses, disks } };
      },
      cloneState: (state) => ({ ...state }),
      addPod: (state, added) => void (state.uses += usesIn(state, added)),
      removePod: (state, removed) => void (state.uses -= usesIn(state, removed)),
      filter({ disks, uses }, _pod, { pods }) {
        for (const disk of disks)
          for (const { pod } of pods) if (conflictsWith(disk, pod)) return diskConflict;
        return uses > 0 ? claimConflict : undefined;
      },
    }),
};

function usesIn({ exclusive }: State, { claimNames }: PodInfo): number {
  return claimNames.filter((name) => exclusive.has(name)).length;
}

function isFreed(
  pod: Pod,
  gone: Pod,
  { namespace, claimNames }: Pick<PodInfo, 'namespace' | 'claimNames'>,
): boolean {
  if (gone.metadata.namespace !== namespace) return false;
  const disks = pod.spec.volumes?.filter(isRestricted) ?? [];
  if (disks.some((disk) => conflictsWith(disk, gone))) return true;
  return (gone.spec.volumes ?? []).some(({ persistentVolumeClaim: claim }) =>
    Boolean(claim && claimNames.includes(claim.claimName)),
  );
}

function isRestricted(volume: Volume): boolean {
  const { gcePersistentDisk, awsElasticBlockStore, rbd, iscsi } = volume;
  return Boolean(gcePersistentDisk ?? awsElasticBlockStore ?? rbd ?? iscsi);
}

function conflictsWith(volume: Volume, { spec }: Pod): boolean {
  return (spec.volumes ?? []).some((other) => isSameDisk(volume, other));
}

/** Read-only on both sides may be shared, except for AWS disks. */
function isSameDisk(a: Volume, b: Volume): boolean {
  const isShared = (one?: { readOnly?: boolean }, two?: { readOnly?: boolean }): boolean =>
    Boolean(one?.readOnly && two?.readOnly);
  const { gcePersistentDisk: gce, awsElasticBlockStore: aws, iscsi, rbd } = a;
  if (gce && b.gcePersistentDisk?.pdName === gce.pdName && !isShared(gce, b.gcePersistentDisk))
    return true;
  if (aws && b.awsElasticBlockStore?.volumeID === aws.volumeID) return true;
  if (iscsi && b.iscsi?.iqn === iscsi.iqn && !isShared(iscsi, b.iscsi)) return true;
  if (!rbd || !b.rbd || isShared(rbd, b.rbd)) return false;
  const monitors = new Set(rbd.monitors);
  return (
    (rbd.pool ?? 'rbd') === (b.rbd.pool ?? 'rbd') &&
    rbd.image === b.rbd.image &&
    b.rbd.monitors.some((monitor) => monitors.has(monitor))
  );
}
