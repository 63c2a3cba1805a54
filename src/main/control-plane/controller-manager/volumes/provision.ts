import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type { StorageClass } from '#shared/api/types/storage-v1.ts';
import type { Cache, ReconcileContext } from '#shared/kube/controller.ts';
import { keyOf } from '#shared/kube/object.ts';
import { timeOf } from '../values.ts';
import { classOf, hasClass } from './match.ts';

const provisionerKeys = [
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/storage-provisioner',
];
const selectedNode = 'volume.kubernetes.io/selected-node';
const defaultClassKeys = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** The claim's class wants a pod to be placed first. */
export function isDelayed(claim: PersistentVolumeClaim, cache: Cache): boolean {
  const name = classOf(claim);
  const found = name ? cache.get(storageClasses, name) : undefined;
  return found?.volumeBindingMode === 'WaitForFirstConsumer';
}

export function isNodeSelected({ metadata }: PersistentVolumeClaim): boolean {
  return metadata.annotations?.[selectedNode] !== undefined;
}

/** Gives a claim without a class the default one that has appeared meanwhile. */
export async function assignDefaultClass(
  claim: PersistentVolumeClaim,
  { cache, cluster }: ReconcileContext,
): Promise<boolean> {
  if (hasClass(claim)) return false;
  const defaults = [...cache.list(storageClasses)].filter(isDefault);
  const [newest] = defaults.sort(
    (a, b) =>
      timeOf(b.metadata.creationTimestamp) - timeOf(a.metadata.creationTimestamp) ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  );
  if (!newest) return false;
  const spec = { ...claim.spec, storageClassName: newest.metadata.name };
  await cluster.update(persistentVolumeClaims, { ...claim, spec });
  return true;
}

const isDefault = ({ metadata }: StorageClass): boolean =>
  defaultClassKeys.some((key) => metadata.annotations?.[key] === 'true');

/** Asks the class's provisioner, which runs elsewhere, for a volume. */
export async function provision(
  claim: PersistentVolumeClaim,
  { cache, cluster, events }: ReconcileContext,
): Promise<void> {
  const name = classOf(claim);
  const found = cache.get(storageClasses, name);
  const fail = (message: string): void =>
    events.record(claim, 'Warning', 'ProvisioningFailed', message);
  if (!found) return fail(`storageclass.storage.k8s.io "${name}" not found`);
  const { provisioner } = found;
  if (provisioner.startsWith('kubernetes.io/'))
    return fail(`no volume plugin matched name: ${provisioner}`);
  const { annotations = {} } = claim.metadata;
  if (provisionerKeys.some((key) => annotations[key] !== provisioner)) {
    const own = Object.fromEntries(provisionerKeys.map((key) => [key, provisioner]));
    await cluster.update(persistentVolumeClaims, {
      ...claim,
      metadata: { ...claim.metadata, annotations: { ...annotations, ...own } },
    });
  }
  events.record(
    claim,
    'Normal',
    'ExternalProvisioning',
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  );
}

/** Says what a claim whose binding is delayed waits for. */
export function tellWaiting(
  claim: PersistentVolumeClaim,
  { cache, events }: ReconcileContext,
): void {
  const waiting: string[] = [];
  for (const pod of cache.by(pods, 'claims', keyOf(claim.metadata)))
    if (!pod.spec.nodeName && !pod.metadata.deletionTimestamp) waiting.push(pod.metadata.name);
  if (waiting.length === 0) {
    const message = 'waiting for first consumer to be created before binding';
    events.record(claim, 'Normal', 'WaitForFirstConsumer', message);
    return;
  }
  const noun = waiting.length > 1 ? 'pods' : 'pod';
  const message = `waiting for ${noun} ${waiting.join(',')} to be scheduled`;
  events.record(claim, 'Normal', 'WaitForPodScheduled', message);
}
