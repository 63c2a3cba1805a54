import { namespaces } from '#shared/api/core/namespace.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Namespace, NamespaceCondition, Pod } from '#shared/api/types/core-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import {
  controller,
  trigger,
  type Controller,
  type Outcome,
  type ReconcileContext,
} from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { allVerbs, type Resource } from '#shared/kube/resource.ts';
import { conditionOf, nowText } from './conditions.ts';
import type { Kinds } from './kinds.ts';
import { isTerminal } from './pods/pod-state.ts';
import { messageOf, timeOf } from './values.ts';

/** Upstream gives an administrator's mistake and slow caches so long before it deletes content. */
const graceMs = 5000;
const finalizerEstimateSeconds = 15;
const keeper = 'kubernetes';

/** Empties namespaces that are being deleted, pods first, and lets go of them. */
export function createNamespaceController(kinds: Kinds, cluster: Cluster): Controller<Namespace> {
  return controller<Namespace>({
    name: 'namespace-controller',
    watches: namespaces,
    concurrency: 10,
    backoff: { firstMs: 5, maxMs: 60_000 },
    wakes({ before, after }) {
      if (!after?.metadata.deletionTimestamp || before?.metadata.deletionTimestamp) return [];
      return [{ key: after.metadata.name, afterMs: graceMs }];
    },
    triggers: [
      // The rest may go as soon as the last pod has gone.
      trigger(pods, ({ before, after }, cache) => {
        if (after) return [];
        const name = before!.metadata.namespace!;
        const since = timeOf(cache.get(namespaces, name)?.metadata.deletionTimestamp);
        if (since === 0) return [];
        for (const _ of cache.inNamespace(pods, name)) return [];
        return [{ key: name, afterMs: 100 }];
      }),
    ],

    async reconcile(namespace, context) {
      const { metadata, spec } = namespace;
      if (!metadata.deletionTimestamp || !spec.finalizers?.includes(keeper)) return undefined;
      const early = timeOf(metadata.deletionTimestamp) + graceMs - 1000 - context.clock.now();
      if (early > 0) return { afterMs: early };
      return await new Emptying(namespace, { kinds, cluster, context }).run();
    },
  });
}

interface Remains {
  readonly count: number;
  readonly estimateSeconds: number;
  readonly finalizers: ReadonlyMap<string, number>;
}

class Emptying {
  readonly #namespace: Namespace;
  readonly #kinds: Kinds;
  readonly #cluster: Cluster;
  readonly #context: ReconcileContext;
  readonly #failures: string[] = [];
  readonly #remaining: string[] = [];
  readonly #finalizers = new Map<string, number>();
  #estimateSeconds = 0;

  constructor(
    namespace: Namespace,
    from: { readonly kinds: Kinds; readonly cluster: Cluster; readonly context: ReconcileContext },
  ) {
    this.#namespace = namespace;
    this.#kinds = from.kinds;
    this.#cluster = from.cluster;
    this.#context = from.context;
  }

  async run(): Promise<Outcome | void> {
    await this.#empty(pods);
    const arePodsGone = this.#remaining.length === 0;
    if (arePodsGone)
      for (const kind of this.#kinds.all)
        if (kind.scope === 'Namespaced' && kind.plural !== 'pods') await this.#empty(kind);
    await this.#report(arePodsGone);
    if (this.#failures.length > 0) throw new Error(this.#failures.join(', '));
    if (this.#estimateSeconds > 0)
      return { afterMs: (Math.trunc(this.#estimateSeconds / 2) + 1) * 1000 };
    if (this.#remaining.length > 0) return { afterMs: 1000 };
    await this.#letGo();
    return undefined;
  }

  async #empty(kind: Resource): Promise<void> {
    const { name } = this.#namespace.metadata;
    try {
      const remains = await this.#emptyKind(kind);
      if (remains.count === 0) return;
      const noun = `${kind.plural}.${kind.group}`;
      this.#remaining.push(`${noun} has ${remains.count} resource instances`);
      this.#estimateSeconds = Math.max(this.#estimateSeconds, remains.estimateSeconds);
      for (const [finalizer, count] of remains.finalizers)
        this.#finalizers.set(finalizer, (this.#finalizers.get(finalizer) ?? 0) + count);
      if (remains.estimateSeconds === 0) {
        const gvr = `${kind.group}/${kind.version}, Resource=${kind.plural}`;
        this.#failures.push(`unexpected items still remain in namespace: ${name} for gvr: ${gvr}`);
      }
    } catch (error) {
      // A kind that was taken away meanwhile has no content.
      if (!ApiError.is(error, 'NotFound', 'MethodNotAllowed'))
        this.#failures.push(messageOf(error));
    }
  }

  async #emptyKind(kind: Resource): Promise<Remains> {
    const { name } = this.#namespace.metadata;
    const before = await this.#cluster.list(kind, { namespace: name });
    if (before.items.length === 0) return nothing;
    const estimate = kind.plural === 'pods' && kind.group === '' ? this.#graceOf(before.items) : 0;
    await this.#deleteAll(kind, before.items);
    const { items } = await this.#cluster.list(kind, { namespace: name });
    const finalizers = new Map<string, number>();
    for (const { metadata } of items)
      for (const finalizer of metadata.finalizers ?? [])
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    const estimateSeconds = estimate || (finalizers.size > 0 ? finalizerEstimateSeconds : 0);
    return { count: items.length, estimateSeconds, finalizers };
  }

  async #deleteAll(kind: Resource, items: readonly KubeObject[]): Promise<void> {
    const { name: namespace } = this.#namespace.metadata;
    if ((kind.verbs ?? allVerbs).includes('deletecollection')) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
      await this.#cluster.transport.request({
        verb: 'deletecollection',
        resource: kind,
        namespace,
        body,
      });
      return;
    }
    for (const { metadata } of items)
      await this.#cluster
        .delete(kind, { namespace, name: metadata.name }, { propagationPolicy: 'Background' })
        .catch((error: unknown) => {
          if (!ApiError.is(error, 'NotFound')) throw error;
        });
  }

  /** How long the slowest pod may still take, unless that time is over. */
  #graceOf(items: readonly KubeObject[]): number {
    let estimate = 0;
    for (const pod of items as readonly Pod[])
      if (!isTerminal(pod))
        estimate = Math.max(estimate, pod.spec.terminationGracePeriodSeconds ?? 0);
    const since = this.#context.clock.now() - timeOf(this.#namespace.metadata.deletionTimestamp);
    return since >= estimate * 1000 ? 0 : estimate;
  }

  async #report(isWhole: boolean): Promise<void> {
    const at = nowText(this.#context.clock);
    const failing = failingConditions({
      failures: this.#failures,
      remaining: isWhole ? this.#remaining : [],
      finalizers: isWhole ? this.#finalizers : new Map(),
    });
    const known = this.#namespace.status.conditions ?? [];
    const next = updated(known, failing, at);
    if (next === known) return;
    const status = { ...this.#namespace.status, conditions: next };
    try {
      await this.#context.cluster.updateStatus(namespaces, { ...this.#namespace, status });
    } catch (error) {
      if (!ApiError.is(error, 'Conflict', 'NotFound')) throw error;
    }
  }

  async #letGo(): Promise<void> {
    const { name, uid } = this.#namespace.metadata;
    try {
      const fresh = await this.#cluster.get(namespaces, { name });
      if (fresh.metadata.uid !== uid) return;
      const finalizers = (fresh.spec.finalizers ?? []).filter((one) => one !== keeper);
      await this.#cluster.update(
        namespaces,
        { ...fresh, spec: { ...fresh.spec, finalizers } },
        { subresource: 'finalize' },
      );
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

const nothing: Remains = { count: 0, estimateSeconds: 0, finalizers: new Map() };

interface Statement {
  readonly reason: string;
  readonly message: string;
}

const fine: Readonly<Record<string, Statement>> = {
  NamespaceDeletionDiscoveryFailure: {
    reason: 'ResourcesDiscovered',
    message: 'All resources successfully discovered',
  },
  NamespaceDeletionGroupVersionParsingFailure: {
    reason: 'ParsedGroupVersions',
    message: 'All legacy kube types successfully parsed',
  },
  NamespaceDeletionContentFailure: {
    reason: 'ContentDeleted',
    message: 'All content successfully deleted, may be waiting on finalization',
  },
  NamespaceContentRemaining: {
    reason: 'ContentRemoved',
    message: 'All content successfully removed',
  },
  NamespaceFinalizersRemaining: {
    reason: 'ContentHasNoFinalizers',
    message: 'All content-preserving finalizers finished',
  },
};

/** Pure: what keeps the namespace from going, by condition type. */
export function failingConditions({
  failures,
  remaining,
  finalizers,
}: {
  readonly failures: readonly string[];
  readonly remaining: readonly string[];
  readonly finalizers: ReadonlyMap<string, number>;
}): Readonly<Record<string, Statement>> {
  const kept = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`);
  return {
    ...(failures.length > 0 && {
      NamespaceDeletionContentFailure: {
        reason: 'ContentDeletionFailed',
        message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.toSorted().join(', ')}`,
      },
    }),
    ...(remaining.length > 0 && {
      NamespaceContentRemaining: {
        reason: 'SomeResourcesRemain',
        message: `Some resources are remaining: ${remaining.toSorted().join(', ')}`,
      },
    }),
    ...(kept.length > 0 && {
      NamespaceFinalizersRemaining: {
        reason: 'SomeFinalizersRemain',
        message: `Some content in the namespace has finalizers remaining: ${kept.sort().join(', ')}`,
      },
    }),
  };
}

function updated(
  known: readonly NamespaceCondition[],
  failing: Readonly<Record<string, Statement>>,
  at: string,
): readonly NamespaceCondition[] {
  let next = known;
  for (const [type, ok] of Object.entries(fine)) {
    const status = failing[type] ? 'True' : 'False';
    const { reason, message } = failing[type] ?? ok;
    const old = conditionOf(known, type);
    if (old?.status === status && old.reason === reason && old.message === message) continue;
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : at;
    const condition: NamespaceCondition = {
      type,
      status,
      ...(lastTransitionTime && { lastTransitionTime }),
      reason,
      message,
    };
    next = old ? next.map((one) => (one === old ? condition : one)) : [...next, condition];
  }
  return next;
}
