import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
} from '#shared/api/types/storage-v1.ts';
import { actions, type EventInterest } from '../cluster-events.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { plugin, refusal, skip, type PluginFactory, type Rejection } from '../plugin.ts';
import { names } from './names.ts';
import { VolumeBinder, volumeLimit, type NodeVolumes, type PodClaims } from './volume-binder.ts';
import { assumeVolumes, bindVolumes, forgetVolumes } from './volume-changes.ts';
import { claimsOf, usesClaim } from './volumes.ts';

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
}

export interface VolumeBindingState {
  readonly claims: PodClaims;
  /** What filter found, by node name. */
  readonly byNode: Map<string, NodeVolumes>;
  isAllBound: boolean;
}

const migratedPluginsAnnotation = 'storage.alpha.kubernetes.io/migrated-plugins';

/** Pods go where their volumes are or can be made; both are bound before the pod. */
export const volumeBinding: PluginFactory<VolumeBindingArgs> = {
  name: names.volumeBinding,
  create(context, { bindTimeoutSeconds }) {
    const binder = new VolumeBinder(context.listers);
    const rejections = new Map<string, Rejection>();
    const reject = (reasons: readonly string[]): Rejection => {
      const key = reasons.join('|');
      let rejection = rejections.get(key);
      if (!rejection) {
        rejection = refusal(names.volumeBinding, 'UnschedulableAndUnresolvable', ...reasons);
        rejections.set(key, rejection);
      }
      return rejection;
    };
    return plugin<VolumeBindingState>({
      name: names.volumeBinding,
      events,
      preFilter(info) {
        if (!info.pod.spec.volumes || claimsOf(info.pod).length === 0) return skip;
        const trouble = binder.unusable(info);
        if (trouble) return refusal(names.volumeBinding, 'UnschedulableAndUnresolvable', trouble);
        const claims = binder.podClaims(info);
        if (claims.immediate.length > 0)
          return reject(['pod has unbound immediate PersistentVolumeClaims']);
        return { state: { claims, byNode: new Map(), isAllBound: false } };
      },
      filter({ claims, byNode }, _pod, { node, name }) {
        if (!node) return undefined;
        const found = binder.find(claims, node);
        if (!('bindings' in found)) return reject(found);
        byNode.set(name, found);
        return undefined;
      },
      reserve(state, pod, nodeName) {
        if (!state) return undefined;
        state.isAllBound = binder.isDone(pod);
        const found = state.byNode.get(nodeName);
        if (found && !state.isAllBound)
          state.byNode.set(nodeName, assumeVolumes(binder, found, nodeName));
        return undefined;
      },
      unreserve(state, _pod, nodeName) {
        const found = state?.byNode.get(nodeName);
        if (found) forgetVolumes(binder, found);
      },
      needsPreBind: (state, nodeName) =>
        state !== undefined && !state.isAllBound && state.byNode.has(nodeName),
      async preBind(state, pod, target) {
        const found = state && !state.isAllBound && state.byNode.get(target.nodeName);
        if (!found) return undefined;
        const timeoutMs = bindTimeoutSeconds * 1000;
        await bindVolumes(context, { pod, found, target, timeoutMs });
        return undefined;
      },
    });
  },
};

const events: readonly EventInterest[] = [
  {
    resource: 'StorageClass',
    action: actions.add | actions.update,
    hint: (_pod, before, after) =>
      before === undefined ||
      !semanticEqual(
        (before as StorageClass).allowedTopologies ?? [],
        (after as StorageClass).allowedTopologies ?? [],
      ),
  },
  {
    resource: 'PersistentVolumeClaim',
    action: actions.add | actions.update,
    hint: ({ pod }, _before, after) => usesClaim(pod, after as PersistentVolumeClaim),
  },
  { resource: 'PersistentVolume', action: actions.add | actions.update },
  { resource: 'Node', action: actions.add | actions.updateNodeLabel },
  {
    resource: 'CSINode',
    action: actions.add | actions.update,
    hint(_pod, before, after) {
      if (before === undefined) return true;
      const migrated = ({ metadata }: CSINode) => metadata.annotations?.[migratedPluginsAnnotation];
      return migrated(before as CSINode) !== migrated(after as CSINode);
    },
  },
  {
    resource: 'CSIDriver',
    action: actions.update,
    hint({ pod }, before, after) {
      const { metadata, spec } = after as CSIDriver;
      const isRelieved = (before as CSIDriver).spec.storageCapacity && !spec.storageCapacity;
      const isUsed = pod.spec.volumes?.some(({ csi }) => csi?.driver === metadata.name);
      return Boolean(isRelieved && isUsed);
    },
  },
  {
    resource: 'CSIStorageCapacity',
    action: actions.add | actions.update,
    hint(_pod, before, after) {
      if (before === undefined) return true;
      const now = volumeLimit(after as CSIStorageCapacity);
      return now !== undefined && now > (volumeLimit(before as CSIStorageCapacity) ?? -1);
    },
  },
];
