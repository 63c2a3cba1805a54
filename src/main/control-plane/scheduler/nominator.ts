import { ChangeLog } from './change-log.ts';
import type { NominatedNode, Nominations } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

const none: readonly PodInfo[] = [];

/** Which pods wait for room on which node. */
export class Nominator implements Nominations {
  readonly #changes = new ChangeLog<string>();
  readonly #byNode = new Map<string, readonly PodInfo[]>();
  readonly #nodeOf = new Map<string, string>();

  get version(): number {
    return this.#changes.version;
  }

  get size(): number {
    return this.#nodeOf.size;
  }

  has(uid: string): boolean {
    return this.#nodeOf.has(uid);
  }

  changedSince(version: number): readonly string[] | undefined {
    return this.#changes.since(version);
  }

  on(nodeName: string): readonly PodInfo[] {
    return this.#byNode.get(nodeName) ?? none;
  }

  /** Without a decision of its own the pod keeps what its status says. */
  add(pod: PodInfo, decision?: NominatedNode): void {
    this.delete(pod.uid);
    const nodeName = decision ? decision.nodeName : pod.pod.status?.nominatedNodeName;
    if (!nodeName) return;
    this.#nodeOf.set(pod.uid, nodeName);
    this.#byNode.set(nodeName, [...this.on(nodeName), pod]);
    this.#changes.add(nodeName);
  }

  /** Keeps a nomination that the API server does not know of yet. */
  update(before: PodInfo['pod'], pod: PodInfo): void {
    const known = this.#nodeOf.get(pod.uid);
    const isSilent = !before.status?.nominatedNodeName && !pod.pod.status?.nominatedNodeName;
    this.add(pod, isSilent && known !== undefined ? { nodeName: known } : undefined);
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    this.#changes.add(nodeName);
    const left = this.#byNode.get(nodeName)?.filter((pod) => pod.uid !== uid) ?? [];
    if (left.length > 0) this.#byNode.set(nodeName, left);
    else this.#byNode.delete(nodeName);
  }
}
