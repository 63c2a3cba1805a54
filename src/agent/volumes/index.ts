import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod, Volume } from '#shared/api/types/core-v1.ts';
import { claimNameOf, resolveClaim } from './claims.ts';
import type { VolumeContext } from './context.ts';
import {
  configMapVolumes,
  downwardVolumes,
  emptyDirVolumes,
  hostPathVolumes,
  imageVolumes,
  makeFolder,
  nfsVolumes,
  projectedVolumes,
  secretVolumes,
  type VolumePlugin,
} from './plugins.ts';
import { bindSubPath } from './sub-path.ts';

const plugins: readonly VolumePlugin[] = [
  configMapVolumes,
  secretVolumes,
  downwardVolumes,
  projectedVolumes,
  emptyDirVolumes,
  hostPathVolumes,
  imageVolumes,
  nfsVolumes,
];

export interface VolumeFailure {
  readonly volume: string;
  readonly error: Error;
}

/** Volumes on their way; neither promise rejects. */
export interface VolumeSetUp {
  /** Whatever has to come from elsewhere has come or failed to: the rest is this node's own work. */
  readonly found: Promise<readonly VolumeFailure[]>;
  /** All volumes can be used, but for those that failed. */
  readonly done: Promise<readonly VolumeFailure[]>;
}

export interface VolumePlace {
  readonly path: string;
  readonly isReadOnly: boolean;
}

export interface SubPath {
  readonly container: string;
  /** Of the mount in the container's list. */
  readonly at: number;
  readonly volume: string;
  readonly path: string;
}

/** The volumes of this node's pods, on disk below each pod's folder. */
export class PodVolumes {
  readonly #context: VolumeContext;
  readonly #places = new Map<string, Map<string, VolumePlace>>();

  constructor(context: VolumeContext) {
    this.#context = context;
  }

  podFolder(uid: string): string {
    return join(this.#context.podsFolder, uid);
  }

  /** Begins to make the pod's volumes and to bring them up to date. What cannot be made yet is told, not thrown. */
  setUp(pod: Pod): VolumeSetUp {
    const { uid } = pod.metadata;
    const places = this.#places.get(uid) ?? new Map<string, VolumePlace>();
    this.#places.set(uid, places);
    const failed = new Map<string, Error>();
    const begun = (pod.spec.volumes ?? []).map((volume) => {
      const found = Promise.withResolvers<void>();
      const done = this.#setUpOne(pod, volume, found.resolve)
        .then(
          (place) => void places.set(volume.name, place),
          (error: Error) => void failed.set(volume.name, error),
        )
        .finally(found.resolve);
      return { volume: volume.name, found: found.promise, done };
    });
    const failures = (): readonly VolumeFailure[] =>
      begun.flatMap(({ volume }) => {
        const error = failed.get(volume);
        return error ? { volume, error } : [];
      });
    return {
      found: Promise.all(begun.map(({ found }) => found)).then(failures),
      done: Promise.all(begun.map(({ done }) => done)).then(failures),
    };
  }

  /** Where the volume is on the host, once it is set up. */
  place(uid: string, volume: string): VolumePlace | undefined {
    return this.#places.get(uid)?.get(volume);
  }

  /** A part of a volume as a mount of its own, which links in the volume cannot lead astray. */
  async subPath(pod: Pod, sub: SubPath): Promise<string> {
    const place = this.place(pod.metadata.uid, sub.volume);
    if (!place) throw new Error(`cannot find the volume "${sub.volume}"`);
    const parts = ['volume-subpaths', sub.volume, sub.container, String(sub.at)];
    const target = join(this.podFolder(pod.metadata.uid), ...parts);
    await bindSubPath(this.#context.mounts, { ...place, subPath: sub.path, target });
    return target;
  }

  /** Shows an image of the runtime in the folder of a volume. */
  async mountImage({ metadata }: Pod, volume: string, image: string): Promise<void> {
    const { mounts } = this.#context;
    const path = this.place(metadata.uid, volume)?.path;
    if (path === undefined) throw new Error(`cannot find the volume "${volume}"`);
    if ((await mounts.below(path)).includes(path)) return;
    await makeFolder(path);
    await mounts.mountImage(image, path);
  }

  /** Unmounts and removes all volumes of a pod whose containers have ended. */
  async tearDown(uid: string): Promise<void> {
    const folder = this.podFolder(uid);
    const { mounts, tokens } = this.#context;
    for (const point of await mounts.below(folder)) await mounts.unmount(point);
    await rm(join(folder, 'volume-subpaths'), { recursive: true, force: true });
    for (const part of ['volumes', 'plugins']) await emptyKinds(join(folder, part));
    this.#places.delete(uid);
    await tokens.forget(uid);
  }

  /** Removes what is left of a pod; its volumes have been torn down. */
  async remove(uid: string): Promise<void> {
    await this.tearDown(uid);
    await rm(this.podFolder(uid), { recursive: true, force: true });
  }

  async #setUpOne(pod: Pod, stated: Volume, found: () => void): Promise<VolumePlace> {
    const claim = claimNameOf(pod, stated);
    const resolved =
      claim === undefined
        ? {
            plugin: plugins.find(({ matches }) => matches(stated)),
            volume: stated,
            name: stated.name,
          }
        : await resolveClaim(pod, stated, claim, this.#context);
    const { plugin, volume, name } = resolved;
    if (!plugin)
      throw new Error(
        `no volume plugin matched: volume "${stated.name}" is of a kind that this node cannot mount`,
      );
    const podFolder = this.podFolder(pod.metadata.uid);
    const folder = join(podFolder, 'volumes', `kubernetes.io~${plugin.name}`, name);
    await mkdir(join(podFolder, 'volumes'), { recursive: true, mode: 0o750 });
    await plugin.setUp({ pod, volume, folder, podFolder, context: this.#context, found });
    const isReadOnly = plugin.isReadOnly || stated.persistentVolumeClaim?.readOnly === true;
    return { path: plugin.placeOf?.(volume) ?? folder, isReadOnly };
  }
}

/** Removes the volumes of each kind and leaves the kinds' folders, as upstream does. */
async function emptyKinds(folder: string): Promise<void> {
  const kinds = await readdir(folder).catch(() => []); // a pod without volumes has no such folder
  for (const kind of kinds) {
    for (const name of await readdir(join(folder, kind)))
      await rm(join(folder, kind, name), { recursive: true, force: true });
  }
}
