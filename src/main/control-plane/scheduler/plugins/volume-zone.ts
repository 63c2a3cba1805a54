import type { PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { StorageClass } from '#shared/api/types/storage-v1.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { Listers } from '../listers.ts';
import type { PodInfo } from '../pod-info.ts';
import { plugin, refusal, skip, type PluginFactory } from '../plugin.ts';
import { names } from './names.ts';
import { classOf, missing } from './volumes.ts';

/** Where a bound volume can be used: a node label and its values. */
interface VolumeTopology {
  readonly key: string;
  readonly values: readonly string[];
}

const betaZone = 'failure-domain.beta.kubernetes.io/zone';
const betaRegion = 'failure-domain.beta.kubernetes.io/region';
const zone = 'topology.kubernetes.io/zone';
const region = 'topology.kubernetes.io/region';
const topologyLabels = [betaZone, betaRegion, zone, region];
const current: Readonly<Record<string, string>> = { [betaZone]: zone, [betaRegion]: region };

const otherZone = refusal(
  names.volumeZone,
  'UnschedulableAndUnresolvable',
  'node(s) had no available volume zone',
);

/** Volumes labelled with a zone or region can only be used there. */
export const volumeZone: PluginFactory = {
  name: names.volumeZone,
  create: ({ listers }) =>
    plugin<readonly VolumeTopology[]>({
      name: names.volumeZone,
      events,
      preFilter(pod) {
        const found = topologiesOf(pod, listers);
        if (typeof found === 'string')
          return refusal(names.volumeZone, 'UnschedulableAndUnresolvable', found);
        return found.length > 0 ? { state: found } : skip;
      },
      filter(topologies, _pod, { labels }) {
        // A node without any of the labels is taken to be in a cluster without zones.
        if (topologyLabels.every((label) => labels[label] === undefined)) return undefined;
        for (const { key, values } of topologies) {
          const value = labels[key] ?? labels[current[key] ?? key];
          if (value === undefined || !values.includes(value)) return otherZone;
        }
        return undefined;
      },
    }),
};

/** A sentence when a claim is not in a state to tell. */
function topologiesOf(
  { namespace, claimNames }: PodInfo,
  listers: Listers,
): readonly VolumeTopology[] | string {
  const all: VolumeTopology[] = [];
  for (const name of claimNames) {
    if (!name) return 'PersistentVolumeClaim had no name';
    const claim = listers.persistentVolumeClaims.get(`${namespace}/${name}`);
    if (!claim) return missing('persistentvolumeclaim', name);
    const volumeName = claim.spec?.volumeName;
    if (!volumeName) {
      const trouble = unboundTrouble(claim, listers);
      if (trouble) return trouble;
      continue;
    }
    const volume = listers.persistentVolumes.get(volumeName);
    if (!volume) return missing('persistentvolume', volumeName);
    all.push(...volumeTopologies(volume));
  }
  return all;
}

function unboundTrouble(claim: PersistentVolumeClaim, listers: Listers): string | undefined {
  const name = classOf(claim);
  if (!name) return 'PersistentVolumeClaim had no pv name and storageClass name';
  const storageClass = listers.storageClasses.get(name);
  if (!storageClass) return missing('storageclass.storage.k8s.io', name);
  if (storageClass.volumeBindingMode === undefined)
    return `VolumeBindingMode not set for StorageClass "${name}"`;
  const isLate = storageClass.volumeBindingMode === 'WaitForFirstConsumer';
  return isLate ? undefined : 'PersistentVolume had no name';
}

/** Several zones are joined with two underscores; a value with an empty part says nothing. */
function volumeTopologies({ metadata }: PersistentVolume): readonly VolumeTopology[] {
  return topologyLabels.flatMap((key): VolumeTopology[] => {
    const values = metadata.labels?.[key]?.split('__').map((value) => value.trim());
    return values && !values.includes('') ? [{ key, values }] : [];
  });
}

const events: readonly EventInterest[] = [
  {
    resource: 'StorageClass',
    action: actions.add,
    hint: (_pod, _before, after) =>
      (after as StorageClass).volumeBindingMode === 'WaitForFirstConsumer',
  },
  { resource: 'Node', action: actions.add | actions.updateNodeLabel },
  {
    resource: 'PersistentVolumeClaim',
    action: actions.add | actions.update,
    hint({ namespace, claimNames }, _before, after) {
      const { metadata } = after as PersistentVolumeClaim;
      return metadata.namespace === namespace && claimNames.includes(metadata.name ?? '');
    },
  },
  {
    resource: 'PersistentVolume',
    action: actions.add | actions.update,
    hint: (_pod, before, after) =>
      before === undefined ||
      !semanticEqual(
        volumeTopologies(before as PersistentVolume),
        volumeTopologies(after as PersistentVolume),
      ),
  },
];
