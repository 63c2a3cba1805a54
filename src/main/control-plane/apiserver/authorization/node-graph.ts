import {
  podReferences,
  volumeSecrets,
} from '#main/control-plane/apiserver/authorization/pod-references.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { resourceSlices } from '#shared/api/resource/resource-slice.ts';
import { volumeAttachments } from '#shared/api/storage/volume-attachment.ts';
import type { PersistentVolume, Pod } from '#shared/api/types/core-v1.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';

/** What a node may read because something that runs on it needs it. */
export type Related =
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'pods'
  | 'resourceclaims'
  | 'resourceslices'
  | 'secrets'
  | 'serviceaccounts'
  | 'volumeattachments';

/** How many pods on each node refer to one object. */
type Users = Map<string, number>;

/**
 * Which objects belong to which nodes: pods to what they mention, volumes through their claims.
 * Each change costs what it changes; a question costs one or two lookups.
 */
export class NodeGraph implements Disposable {
  readonly #users = new Map<string, Users>();
  readonly #mentions = new Map<string, readonly string[]>();
  readonly #nodes = new Map<string, string>();
  readonly #claims = new Map<string, string>();
  /** The volumes whose use takes a secret, by the secret. */
  readonly #volumesOfSecret = new Map<string, Set<string>>();
  readonly #secretsOfVolume = new Map<string, readonly string[]>();
  readonly #subscriptions = new DisposableStack();

  constructor(objects: ObjectCache) {
    const follow = this.#subscriptions;
    follow.use(
      objects.subscribe(pods, ({ before, after }) => {
        if (before && after && mentionsTheSame(before, after)) return;
        if (before) this.#removePod(before);
        if (after) this.#addPod(after);
      }),
    );
    follow.use(
      objects.subscribe(persistentVolumes, ({ before, after }) => {
        if (before) this.#removeVolume(before);
        if (after) this.#addVolume(after);
      }),
    );
    follow.use(
      objects.subscribe(volumeAttachments, ({ before, after }) =>
        this.#putNode('volumeattachments', before, after, after?.spec.nodeName),
      ),
    );
    follow.use(
      objects.subscribe(resourceSlices, ({ before, after }) =>
        this.#putNode('resourceslices', before, after, after?.spec.nodeName),
      ),
    );
  }

  /** Whether the object (`namespace/name`, or the name) is of this node. */
  isRelated(node: string, resource: Related, key: string): boolean {
    if (this.#nodes.get(`${resource} ${key}`) === node) return true;
    if (this.#users.get(`${resource} ${key}`)?.has(node)) return true;
    if (resource === 'persistentvolumes') return this.#usesVolume(node, key);
    if (resource !== 'secrets') return false;
    for (const volume of this.#volumesOfSecret.get(key) ?? [])
      if (this.#usesVolume(node, volume)) return true;
    return false;
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose();
  }

  #usesVolume(node: string, volume: string): boolean {
    const claim = this.#claims.get(volume);
    if (claim === undefined) return false;
    return this.#users.get(`persistentvolumeclaims ${claim}`)?.has(node) ?? false;
  }

  #addPod(pod: Pod): void {
    const { nodeName } = pod.spec;
    if (!nodeName) return;
    const key = keyOf(pod.metadata);
    const mentions = podReferences(pod);
    this.#nodes.set(`pods ${key}`, nodeName);
    if (mentions.length > 0) this.#mentions.set(key, mentions);
    for (const mention of mentions) {
      const users = this.#users.get(mention);
      if (users) users.set(nodeName, (users.get(nodeName) ?? 0) + 1);
      else this.#users.set(mention, new Map([[nodeName, 1]]));
    }
  }

  #removePod(pod: Pod): void {
    const key = keyOf(pod.metadata);
    const node = this.#nodes.get(`pods ${key}`);
    if (node === undefined) return;
    this.#nodes.delete(`pods ${key}`);
    for (const mention of this.#mentions.get(key) ?? []) {
      const users = this.#users.get(mention);
      const left = (users?.get(node) ?? 0) - 1;
      if (left > 0) users?.set(node, left);
      else users?.delete(node);
      if (users?.size === 0) this.#users.delete(mention);
    }
    this.#mentions.delete(key);
  }

  #addVolume(volume: PersistentVolume): void {
    const { name } = volume.metadata;
    const claim = volume.spec.claimRef;
    if (!claim) return;
    this.#claims.set(name, `${claim.namespace ?? ''}/${claim.name ?? ''}`);
    const needed = volumeSecrets(volume);
    if (needed.length > 0) this.#secretsOfVolume.set(name, needed);
    for (const secret of needed) {
      const volumes = this.#volumesOfSecret.get(secret);
      if (volumes) volumes.add(name);
      else this.#volumesOfSecret.set(secret, new Set([name]));
    }
  }

  #removeVolume({ metadata: { name } }: PersistentVolume): void {
    this.#claims.delete(name);
    for (const secret of this.#secretsOfVolume.get(name) ?? []) {
      const volumes = this.#volumesOfSecret.get(secret);
      volumes?.delete(name);
      if (volumes?.size === 0) this.#volumesOfSecret.delete(secret);
    }
    this.#secretsOfVolume.delete(name);
  }

  #putNode(
    resource: Related,
    before: KubeObject | undefined,
    after: KubeObject | undefined,
    node: string | undefined,
  ): void {
    const key = `${resource} ${(after ?? before)!.metadata.name}`;
    if (after && node) this.#nodes.set(key, node);
    else this.#nodes.delete(key);
  }
}

/** What a pod mentions changes with its node, an ephemeral container or a generated claim only. */
function mentionsTheSame(before: Pod, after: Pod): boolean {
  const containers = after.spec.ephemeralContainers ?? [];
  const earlier = before.spec.ephemeralContainers ?? [];
  return (
    before.spec.nodeName === after.spec.nodeName &&
    before.metadata.uid === after.metadata.uid &&
    containers.length <= earlier.length &&
    sameClaims(before, after)
  );
}

function sameClaims({ status: before }: Pod, { status: after }: Pod): boolean {
  const [old = [], now = []] = [before?.resourceClaimStatuses, after?.resourceClaimStatuses];
  const [oldName, nowName] = [before, after].map(
    (status) => status?.extendedResourceClaimStatus?.resourceClaimName,
  );
  return (
    oldName === nowName &&
    old.length === now.length &&
    now.every(
      (claim, i) =>
        claim.name === old[i]!.name && claim.resourceClaimName === old[i]!.resourceClaimName,
    )
  );
}
