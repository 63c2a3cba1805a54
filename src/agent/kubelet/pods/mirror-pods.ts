import { pods } from '#agent/api/resources.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { KubeletContext } from '../context.ts';

export interface MirrorPodsOptions {
  readonly context: KubeletContext;
  /** By `namespace/name`. */
  readonly staticPod: (key: string) => Pod | undefined;
  readonly mirrorPod: (key: string) => Pod | undefined;
}

const hashOf = (pod: Pod): string | undefined =>
  pod.metadata.annotations?.['kubernetes.io/config.hash'];

/** Shows static pods at the API: a mirror for each, made anew when somebody deletes it. */
export class MirrorPods implements AsyncDisposable {
  readonly #options: MirrorPodsOptions;
  readonly #loop: KeyedLoop<string>;

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
    const { clock, log } = options.context;
    this.#loop = new KeyedLoop<string>({
      clock,
      concurrency: 4,
      backoffMs: exponential(500, 10_000),
      onError: (pod, error) =>
        log.warn('Cannot keep the mirror of a static pod; trying again', { pod, error }),
      run: (key) => this.#reconcile(key),
    });
  }

  /** The static pod or its mirror has changed. */
  touch(key: string): void {
    this.#loop.add(key);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#loop[Symbol.asyncDispose]();
  }

  async #reconcile(key: string): Promise<void> {
    const { context, staticPod, mirrorPod } = this.#options;
    const wanted = staticPod(key);
    const there = mirrorPod(key);
    if (
      there &&
      (!wanted || hashOf(there) !== hashOf(wanted) || there.metadata.deletionTimestamp)
    ) {
      const { namespace, name, uid } = there.metadata;
      await context.cluster
        .delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
        .catch(gone);
      return;
    }
    if (!wanted || there) return;
    const node = context.objects.node();
    if (!node) throw new Error('the Node is not known yet');
    await context.cluster.create(pods, mirrorOf(wanted, node)).catch((error: unknown) => {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    });
  }
}

function gone(error: unknown): void {
  if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
}

function mirrorOf({ metadata, spec }: Pod, node: Node) {
  const { name, namespace, labels, annotations } = metadata;
  const hash = annotations?.['kubernetes.io/config.hash'] ?? '';
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(labels && { labels }),
      annotations: { ...annotations, 'kubernetes.io/config.mirror': hash },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Node',
          name: node.metadata.name,
          uid: node.metadata.uid,
          controller: true,
        },
      ],
    },
    spec,
  };
}

export const podKey = ({ metadata }: Pod): string => keyOf(metadata);
