import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import { services } from '#shared/api/core/service.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import { deviceClasses } from '#shared/api/resource/device-class.ts';
import { resourceClaims } from '#shared/api/resource/resource-claim.ts';
import { resourceSlices } from '#shared/api/resource/resource-slice.ts';
import { csiDrivers } from '#shared/api/storage/csi-driver.ts';
import { csiNodes } from '#shared/api/storage/csi-node.ts';
import { csiStorageCapacities } from '#shared/api/storage/csi-storage-capacity.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import { volumeAttachments } from '#shared/api/storage/volume-attachment.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { Informer, type IndexFunction, type InformerOptions } from '#shared/client/informer.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { clusterEvent, type EventResource } from './cluster-events.ts';
import { indexes, type Listers } from './listers.ts';
import type { SchedulingQueue } from './queue.ts';

/** Pods that are over take no room and need none. */
const unfinished = 'status.phase!=Succeeded,status.phase!=Failed';

/** Live copies of everything that decisions look at. */
export function startInformers(options: {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
}) {
  const start = <T extends KubeObject>(
    resource: Resource<T>,
    more: Pick<InformerOptions<T>, 'fieldSelector'> & {
      readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
    } = {},
  ): Informer<T> => new Informer<T>({ ...options, resource, ...more });
  return {
    nodes: start(nodes),
    pods: start(pods, { fieldSelector: unfinished }),
    namespaces: start(namespaces),
    services: start(services, { indexes: indexes.services }),
    replicationControllers: start(replicationControllers),
    replicaSets: start(replicaSets),
    statefulSets: start(statefulSets),
    podDisruptionBudgets: start(podDisruptionBudgets),
    persistentVolumes: start(persistentVolumes, { indexes: indexes.persistentVolumes }),
    persistentVolumeClaims: start(persistentVolumeClaims),
    storageClasses: start(storageClasses),
    csiNodes: start(csiNodes),
    csiDrivers: start(csiDrivers),
    csiStorageCapacities: start(csiStorageCapacities),
    volumeAttachments: start(volumeAttachments, { indexes: indexes.volumeAttachments }),
    resourceClaims: start(resourceClaims),
    resourceSlices: start(resourceSlices),
    deviceClasses: start(deviceClasses),
  };
}

export type SchedulerInformers = ReturnType<typeof startInformers>;

const eventResources: readonly (readonly [keyof Listers, EventResource])[] = [
  ['persistentVolumes', 'PersistentVolume'],
  ['persistentVolumeClaims', 'PersistentVolumeClaim'],
  ['storageClasses', 'StorageClass'],
  ['csiNodes', 'CSINode'],
  ['csiDrivers', 'CSIDriver'],
  ['csiStorageCapacities', 'CSIStorageCapacity'],
  ['volumeAttachments', 'VolumeAttachment'],
  ['resourceClaims', 'ResourceClaim'],
  ['resourceSlices', 'ResourceSlice'],
  ['deviceClasses', 'DeviceClass'],
];

/** Tells the queue of every change of what pods may wait for, besides nodes and pods. */
export function watchOthers(informers: SchedulerInformers, queue: SchedulingQueue): Disposable {
  const subscriptions = new DisposableStack();
  for (const [name, resource] of eventResources) {
    const events = {
      add: clusterEvent(resource, 'add'),
      update: clusterEvent(resource, 'update'),
      delete: clusterEvent(resource, 'delete'),
    };
    const informer: Pick<Informer<KubeObject>, 'subscribe'> = informers[name];
    subscriptions.use(
      informer.subscribe(({ before, after }) => {
        if (after === undefined) queue.move(events.delete, { before });
        else if (before === undefined) queue.move(events.add, { after });
        else queue.move(events.update, { before, after });
      }),
    );
  }
  return subscriptions;
}
