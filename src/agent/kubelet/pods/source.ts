import { pods } from '#agent/api/resources.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { Informer } from '#shared/client/informer.ts';
import type { KubeletContext } from '../context.ts';
import { MirrorPods, podKey } from './mirror-pods.ts';
import { isMirror } from './pod-containers.ts';
import { StaticPods } from './static-pods.ts';

export interface PodSourceOptions {
  readonly context: KubeletContext;
  readonly staticFolder: string;
  readonly update: (pod: Pod) => void;
  readonly remove: (uid: string) => void;
  /** The pod at the API under which this pod's status is told has changed. */
  readonly told: (uid: string) => void;
}

/** Which pods this node is to run: those that the API binds to it, and those from files. */
export class PodSource implements AsyncDisposable {
  readonly #options: PodSourceOptions;
  readonly #informer: Informer<Pod>;
  readonly #mirrors: MirrorPods;
  #static = new Map<string, Pod>();
  #files: StaticPods | undefined;

  constructor(options: PodSourceOptions) {
    this.#options = options;
    const { context } = options;
    const { cluster, clock, log, settings } = context;
    this.#informer = new Informer({
      cluster,
      clock,
      log,
      resource: pods,
      fieldSelector: `spec.nodeName=${settings.nodeName}`,
    });
    this.#mirrors = new MirrorPods({
      context,
      staticPod: (key) => this.#staticByKey(key),
      mirrorPod: (key) => this.#mirrorByKey(key),
    });
  }

  start(): void {
    const { context, staticFolder } = this.#options;
    const { settings, clock, log } = context;
    this.#informer.subscribe(({ before, after }) => this.#receive(before, after));
    this.#files = new StaticPods({
      folder: staticFolder,
      nodeName: settings.nodeName,
      clock,
      log,
      changed: (found) => this.#replaceStatic(found),
    });
  }

  /** All that the API has to say has been heard once. */
  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  get isSynced(): boolean {
    return this.#informer.isSynced;
  }

  /** Whether a pod of this uid is wanted here. */
  has(uid: string): boolean {
    if (this.#static.has(uid)) return true;
    for (const pod of this.#informer.values()) if (pod.metadata.uid === uid) return true;
    return false;
  }

  /** The pod at the API that shows this one. */
  apiPod(pod: Pod): Pod | undefined {
    const found = this.#informer.get(podKey(pod));
    if (!found) return undefined;
    const isOwn = found.metadata.uid === pod.metadata.uid;
    return isOwn || (this.#static.has(pod.metadata.uid) && isMirror(found)) ? found : undefined;
  }

  /** The uid under which a mirror's pod runs here. */
  uidBehind(pod: Pod): string {
    return isMirror(pod)
      ? (this.#staticByKey(podKey(pod))?.metadata.uid ?? pod.metadata.uid)
      : pod.metadata.uid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files?.[Symbol.asyncDispose]();
    await this.#mirrors[Symbol.asyncDispose]();
    await this.#informer[Symbol.asyncDispose]();
  }

  #receive(before: Pod | undefined, after: Pod | undefined): void {
    const { update, remove, told } = this.#options;
    const pod = after ?? before;
    if (!pod) return;
    if (isMirror(pod)) {
      this.#mirrors.touch(podKey(pod));
      const own = this.#staticByKey(podKey(pod));
      if (own && after) told(own.metadata.uid);
      return;
    }
    // Deleted and made again while nobody was listening: two pods of one name.
    if (before && before.metadata.uid !== after?.metadata.uid) remove(before.metadata.uid);
    if (!after) return;
    update(after);
    told(after.metadata.uid);
  }

  #replaceStatic(found: ReadonlyMap<string, Pod>): void {
    const { update, remove } = this.#options;
    const before = this.#static;
    this.#static = new Map(found);
    for (const [uid, pod] of before) {
      if (found.has(uid)) continue;
      remove(uid);
      this.#mirrors.touch(podKey(pod));
    }
    for (const [uid, pod] of found) {
      if (before.has(uid)) continue;
      update(pod);
      this.#mirrors.touch(podKey(pod));
    }
  }

  #staticByKey(key: string): Pod | undefined {
    for (const pod of this.#static.values()) if (podKey(pod) === key) return pod;
    return undefined;
  }

  #mirrorByKey(key: string): Pod | undefined {
    const found = this.#informer.get(key);
    return found && isMirror(found) ? found : undefined;
  }
}
