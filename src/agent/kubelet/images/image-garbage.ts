import { statfs } from 'node:fs/promises';
import type { RuntimeImage } from '#agent/container-runtime/types.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { sandboxImageOf } from '../node/runtime-info.ts';
import type { RuntimeState } from '../runtime-state.ts';

const highPercent = 85;
const lowPercent = 80;
const minAgeMs = 120_000;

interface LookedAt {
  readonly images: readonly RuntimeImage[];
  /** By any of their names. */
  readonly used: ReadonlySet<string>;
}

/** Removes images that nothing uses when the disk fills up, those unused for longest first. */
export class ImageGarbage {
  readonly #context: KubeletContext;
  readonly #state: RuntimeState;
  readonly #pods: () => readonly Pod[];
  readonly #lastUsed = new Map<string, number>();
  readonly #firstSeen = new Map<string, number>();

  /** `pods`: those that may have images as volumes. */
  constructor(context: KubeletContext, state: RuntimeState, pods: () => readonly Pod[]) {
    this.#context = context;
    this.#state = state;
    this.#pods = pods;
  }

  /** Looks which images are used, and frees space where too little is left. */
  async collect(): Promise<void> {
    const { runtime, recorder, settings, log } = this.#context;
    const looked = await this.#look();
    const { imageFilesystems } = await runtime.imageFsInfo({});
    const mountpoint = imageFilesystems[0]?.fsId?.mountpoint;
    if (!mountpoint) return;
    const { blocks, bavail, bsize } = await statfs(mountpoint);
    const usedPercent = 100 - Math.floor((bavail * 100) / blocks);
    if (usedPercent < highPercent) return;
    const wanted = Math.trunc((blocks * bsize * (100 - lowPercent)) / 100) - bavail * bsize;
    const freed = await this.#free(looked, wanted);
    log.info('Images removed to free space', { freed, wanted });
    if (freed >= wanted) return;
    const { nodeName: name } = settings;
    const about = { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    recorder.record(about, 'Warning', 'FreeDiskSpaceFailed', message);
  }

  /** Removes all images that nothing uses. */
  async removeUnused(): Promise<void> {
    const freed = await this.#free(await this.#look(), Infinity);
    this.#context.log.info('Unused images removed', { freed });
  }

  async #look(): Promise<LookedAt> {
    const { runtime, clock } = this.#context;
    const { images } = await runtime.listImages({});
    const now = clock.now();
    const used = this.#usedImages();
    used.add(await sandboxImageOf(runtime));
    for (const id of await this.#volumeImages()) used.add(id);
    for (const { id = '' } of images) {
      if (!this.#firstSeen.has(id)) this.#firstSeen.set(id, now);
      if (used.has(id)) this.#lastUsed.set(id, now);
    }
    return { images, used };
  }

  async #volumeImages(): Promise<readonly string[]> {
    const { runtime } = this.#context;
    const named = this.#pods()
      .flatMap(({ spec }) => spec.volumes ?? [])
      .flatMap(({ image }) => image?.reference ?? []);
    const found = await Promise.all(
      [...new Set(named)].map((image) => runtime.imageStatus({ image: { image } })),
    );
    return found.flatMap(({ image }) => image?.id ?? []);
  }

  #usedImages(): Set<string> {
    const used = new Set<string>();
    for (const { containers } of this.#state.pods())
      for (const { imageRef, imageId, image } of containers) {
        used.add(imageRef);
        used.add(imageId);
        used.add(image?.image ?? '');
      }
    return used;
  }

  async #free({ images, used }: LookedAt, wanted: number): Promise<number> {
    const { runtime, clock } = this.#context;
    const now = clock.now();
    const isUsed = ({ id, repoTags, repoDigests }: RuntimeImage): boolean =>
      [id, ...repoTags, ...repoDigests].some((name) => used.has(name));
    const unused = images
      .filter((image) => !image.pinned && !isUsed(image))
      .filter(({ id }) => now - (this.#firstSeen.get(id) ?? now) >= minAgeMs)
      .toSorted((a, b) => (this.#lastUsed.get(a.id) ?? 0) - (this.#lastUsed.get(b.id) ?? 0));
    let freed = 0;
    for (const { id, size } of unused) {
      if (freed >= wanted) break;
      await runtime.removeImage({ image: { image: id } });
      this.#lastUsed.delete(id);
      this.#firstSeen.delete(id);
      freed += size;
    }
    return freed;
  }
}
