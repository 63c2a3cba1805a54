import type { Pod } from '#shared/api/types/core-v1.ts';

export interface ContainerPlace {
  /** The CRI's id. */
  readonly id: string;
  /** The whole path of its log. */
  readonly logPath: string;
  readonly running: boolean;
}

/** What this node runs, for those who stream to it and report about it. */
export interface PodDirectory {
  /** All pods of the node, with the kubelet's own current status. */
  pods(): readonly Pod[];
  /** A static pod is found by the name and uid of its mirror, too. */
  find(namespace: string, name: string, uid?: string): Pod | undefined;
  /** CRI id of the pod's current sandbox. */
  sandboxId(uid: string): string | undefined;
  /** The running (or last) container of that name, or the one before. */
  container(
    uid: string,
    name: string,
    options?: { readonly previous?: boolean },
  ): ContainerPlace | undefined;
}
