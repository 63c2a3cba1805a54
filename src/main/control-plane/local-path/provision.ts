import {
  localPathProvisioner,
  volumeNodeAnnotation,
  volumesFolder,
} from '#shared/api/core/local-path-volume.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { StorageClass } from '#shared/api/types/storage-v1.ts';
import { controller, trigger, type ReconcileContext, type Wake } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type New } from '#shared/kube/object.ts';

const selectedNode = 'volume.kubernetes.io/selected-node';
const hostName = 'kubernetes.io/hostname';
const provisionerKeys = [
  'volume.kubernetes.io/storage-provisioner',
  'volume.beta.kubernetes.io/storage-provisioner',
];
/** Upstream's own: the volume stays until what is behind it is gone. */
export const volumeFinalizer = 'external-provisioner.volume.kubernetes.io/finalizer';
const modes = ['ReadWriteOnce', 'ReadWriteOncePod'];

/**
 * Makes a volume for each claim that waits for one on the node that the scheduler chose. `folder` is
 * where the nodes' agents keep what is theirs.
 */
export const createClaimController = (folder: string) =>
  controller<PersistentVolumeClaim>({
    name: 'local-path-provisioner',
    eventSource: localPathProvisioner,
    watches: persistentVolumeClaims,
    reads: [nodes],
    triggers: [
      trigger(storageClasses, ({ after }, cache) => {
        const wakes: Wake[] = [];
        if (after?.provisioner !== localPathProvisioner) return wakes;
        for (const claim of cache.list(persistentVolumeClaims))
          if (isOurs(claim)) wakes.push(keyOf(claim.metadata));
        return wakes;
      }),
    ],

    async reconcile(claim, context) {
      const { cache, cluster, events } = context;
      if (!isOurs(claim)) return;
      const { namespace, name, annotations = {} } = claim.metadata;
      const className = claim.spec.storageClassName ?? '';
      const storageClass = cache.get(storageClasses, className);
      if (storageClass?.provisioner !== localPathProvisioner) return;
      const nodeName = annotations[selectedNode];
      if (nodeName === undefined && storageClass.volumeBindingMode === 'WaitForFirstConsumer')
        return;
      const say = `External provisioner is provisioning volume for claim "${namespace}/${name}"`;
      events.record(claim, 'Normal', 'Provisioning', say);
      const problem = problemOf(claim, nodeName);
      if (problem !== undefined) return fail(claim, className, { problem, context });
      const node = cache.get(nodes, nodeName!);
      if (!node) {
        fail(claim, className, { problem: `node "${nodeName}" not found`, context });
        // The scheduler chooses anew, as upstream's provisioner has it do.
        const body = { metadata: { annotations: { [selectedNode]: null } } };
        await cluster.patch(persistentVolumeClaims, { namespace, name }, { type: 'merge', body });
        return;
      }
      const volume = volumeFor(claim, { storageClass, node, folder });
      try {
        await cluster.create(persistentVolumes, volume);
      } catch (error) {
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
      }
      const message = `Successfully provisioned volume ${volume.metadata.name}`;
      events.record(claim, 'Normal', 'ProvisioningSucceeded', message);
    },
  });

function isOurs({ metadata, spec }: PersistentVolumeClaim): boolean {
  if (spec.volumeName || metadata.deletionTimestamp) return false;
  return provisionerKeys.some((key) => metadata.annotations?.[key] === localPathProvisioner);
}

/** Why there cannot be such a volume, whatever happens. */
function problemOf(
  { spec }: PersistentVolumeClaim,
  nodeName: string | undefined,
): string | undefined {
  if (nodeName === undefined)
    return 'the class must have volumeBindingMode WaitForFirstConsumer: the volume is on the disk of one node';
  if (spec.volumeMode === 'Block') return 'block volumes are not supported';
  const other = spec.accessModes?.find((mode) => !modes.includes(mode));
  if (other !== undefined) return `access mode ${other} is not supported, only ${modes.join(', ')}`;
  if (spec.selector) return 'claim.Spec.Selector is not supported';
  if (spec.dataSource ?? spec.dataSourceRef) return 'data sources are not supported';
  return undefined;
}

function fail(
  claim: PersistentVolumeClaim,
  className: string,
  { problem, context }: { readonly problem: string; readonly context: ReconcileContext },
): void {
  const message = `failed to provision volume with StorageClass "${className}": ${problem}`;
  context.events.record(claim, 'Warning', 'ProvisioningFailed', message);
}

interface Means {
  readonly storageClass: StorageClass;
  readonly node: Node;
  readonly folder: string;
}

/** Pure: upstream's naming, so that a second try finds the first one's volume. */
function volumeFor(
  { metadata, spec }: PersistentVolumeClaim,
  { storageClass, node, folder }: Means,
): New<PersistentVolume> {
  const { namespace = '', name: claim, uid, resourceVersion } = metadata;
  const name = `pvc-${uid}`;
  const value = node.metadata.labels?.[hostName] ?? node.metadata.name;
  const { mountOptions } = storageClass;
  return {
    metadata: {
      name,
      annotations: {
        'pv.kubernetes.io/provisioned-by': localPathProvisioner,
        [volumeNodeAnnotation]: node.metadata.name,
      },
      finalizers: [volumeFinalizer],
    },
    spec: {
      capacity: { storage: spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: spec.accessModes ?? ['ReadWriteOnce'],
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      ...(mountOptions && { mountOptions }),
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace,
        name: claim,
        uid,
        resourceVersion,
      },
      local: { path: `${folder}/${volumesFolder}/${name}_${namespace}_${claim}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: hostName, operator: 'In', values: [value] }] },
          ],
        },
      },
    },
  };
}
