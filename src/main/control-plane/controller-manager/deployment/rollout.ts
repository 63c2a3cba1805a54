import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '#shared/api/types/apps-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { controllerOf, controllerReference } from '#shared/kube/owners.ts';
import { conditionOf } from '../conditions.ts';
import { isNamespaceTerminating } from '../pods/pod-control.ts';
import { podTemplateHash } from '../revision/hash.ts';
import { isEqual, messageOf } from '../values.ts';
import {
  newSetAnnotations,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from './annotations.ts';
import {
  desired,
  findNew,
  hashLabel,
  hasProgressDeadline,
  isSameTemplate,
  maxSurge,
  newSetSize,
} from './plan.ts';
import { newCondition, withDeploymentCondition, type Sets } from './status.ts';

const longestName = 253;

/** One pass over one Deployment: its writes, and the Deployment and ReplicaSets as they left it. */
export class Rollout {
  deployment: Deployment;
  readonly context: ReconcileContext;
  readonly #written = new Map<string, ReplicaSet>();

  constructor(deployment: Deployment, context: ReconcileContext) {
    this.deployment = deployment;
    this.context = context;
  }

  /** The sets with this pass's own writes in them. */
  latest({ newSet, old }: Sets): Sets {
    const now = (set: ReplicaSet): ReplicaSet => this.#written.get(set.metadata.uid) ?? set;
    return { newSet: newSet && now(newSet), old: old.map(now) };
  }

  /**
   * Tells the ReplicaSet with the Deployment's template from the old ones, keeps its revision and
   * annotations up to date, and creates it when asked to and missing.
   */
  async sync(
    all: readonly ReplicaSet[],
    { creates = false }: { readonly creates?: boolean } = {},
  ): Promise<Sets> {
    const known = all.map((set) => this.#written.get(set.metadata.uid) ?? set);
    const found = findNew(this.deployment, known);
    const old = known.filter((set) => set !== found);
    const last = old.map(revisionOf).reduce((a, b) => (a > b ? a : b), 0n);
    const revision = last + 1n;
    if (found) return { newSet: await this.#adjust(found, revision), old };
    return { newSet: creates ? await this.#create(old, revision) : undefined, old };
  }

  async #adjust(set: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const { deployment } = this;
    const { minReadySeconds = 0 } = deployment.spec;
    const annotations = newSetAnnotations(deployment, set.metadata.annotations, revision);
    if (
      !isEqual(annotations, set.metadata.annotations ?? {}) ||
      (set.spec.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      return await this.#update({
        ...set,
        metadata: { ...set.metadata, annotations },
        spec: { ...set.spec, minReadySeconds },
      });
    }
    const known = conditionOf(deployment.status?.conditions, 'Progressing');
    const note =
      hasProgressDeadline(deployment) && !known
        ? { reason: 'FoundNewReplicaSet', message: `Found new replica set "${set.metadata.name}"` }
        : undefined;
    await this.#note(annotations[revisionAnnotation] ?? '', note);
    return set;
  }

  async #create(old: readonly ReplicaSet[], revision: bigint): Promise<ReplicaSet> {
    const { deployment } = this;
    const { cluster, events } = this.context;
    const draft = this.#draft(old, revision);
    const { name } = draft.metadata;
    let created: ReplicaSet;
    try {
      created = await cluster.create(replicaSets, draft);
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) return await this.#collide(name, revision, error);
      if (!isNamespaceTerminating(error)) await this.#failed(name, error);
      throw error;
    }
    this.#written.set(created.metadata.uid, created);
    const size = draft.spec?.replicas ?? 0;
    if (size > 0)
      events.record(
        deployment,
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${name} from 0 to ${size}`,
      );
    const note = hasProgressDeadline(deployment)
      ? { reason: 'NewReplicaSetCreated', message: `Created new replica set "${name}"` }
      : undefined;
    await this.#note(String(revision), note);
    return created;
  }

  #draft(old: readonly ReplicaSet[], revision: bigint) {
    const { deployment } = this;
    const { template, selector, minReadySeconds } = deployment.spec;
    const hash = podTemplateHash(template, deployment.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [hashLabel]: hash };
    const { name, namespace } = deployment.metadata;
    return {
      metadata: {
        name: `${name.slice(0, longestName - 1 - hash.length)}-${hash}`,
        namespace: namespace!,
        labels,
        annotations: {
          ...newSetAnnotations(deployment, undefined, revision),
          ...sizeAnnotations(desired(deployment), maxSurge(deployment)),
        },
        ownerReferences: [controllerReference(deployments, deployment)],
      },
      spec: {
        replicas: newSetSize(deployment, old, 0),
        ...(minReadySeconds && { minReadySeconds }),
        selector: {
          ...selector,
          matchLabels: { ...selector?.matchLabels, [hashLabel]: hash },
        },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
  }

  /** A ReplicaSet of that name exists: ours after all, or a hash collision that is counted. */
  async #collide(name: string, revision: bigint, error: ApiError): Promise<ReplicaSet> {
    const { deployment } = this;
    const { cache } = this.context;
    const { namespace, uid } = deployment.metadata;
    const existing = cache.get(replicaSets, keyOf({ namespace, name }));
    if (!existing) throw error;
    const isOurs =
      controllerOf(existing.metadata)?.uid === uid &&
      existing.spec.template &&
      isSameTemplate(deployment.spec.template, existing.spec.template);
    if (isOurs) {
      await this.#note(String(revision), undefined);
      return existing;
    }
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.#writeStatus({ ...deployment.status, collisionCount });
    throw error;
  }

  async #failed(name: string, error: unknown): Promise<void> {
    const { deployment } = this;
    const reason = 'ReplicaSetCreateError';
    const message = `Failed to create new replica set "${name}": ${messageOf(error)}`;
    if (hasProgressDeadline(deployment)) {
      const said = { reason, message, now: this.context.clock.now() };
      const condition = newCondition('Progressing', 'False', said);
      const conditions = withDeploymentCondition(deployment.status?.conditions, condition);
      await this.#writeStatus({ ...deployment.status, conditions });
    }
    this.context.events.record(deployment, 'Warning', reason, message);
  }

  /** Writes the Deployment's revision, and a Progressing condition if given, where they are news. */
  async #note(
    revision: string,
    progress: { readonly reason: string; readonly message: string } | undefined,
  ): Promise<void> {
    const { deployment } = this;
    const isNews = deployment.metadata.annotations?.[revisionAnnotation] !== revision;
    if (!isNews && !progress) return;
    const annotations = { ...deployment.metadata.annotations, [revisionAnnotation]: revision };
    this.deployment = { ...deployment, metadata: { ...deployment.metadata, annotations } };
    const now = this.context.clock.now();
    const condition = progress && newCondition('Progressing', 'True', { ...progress, now });
    const conditions =
      condition && withDeploymentCondition(deployment.status?.conditions, condition);
    await this.#writeStatus({ ...deployment.status, ...(conditions && { conditions }) });
  }

  /** Resizes a ReplicaSet and says so; false if nothing had to change. */
  async scale(
    target: ReplicaSet,
    replicas: number,
    { always = false }: { readonly always?: boolean } = {},
  ): Promise<boolean> {
    const set = this.#written.get(target.metadata.uid) ?? target;
    const before = desired(set);
    if (!always && before === replicas) return false;
    const { deployment } = this;
    const sizes = sizeAnnotations(desired(deployment), maxSurge(deployment));
    const annotations = { ...set.metadata.annotations, ...sizes };
    if (before === replicas && isEqual(annotations, set.metadata.annotations)) return false;
    await this.#update({
      ...set,
      metadata: { ...set.metadata, annotations },
      spec: { ...set.spec, replicas },
    });
    if (before === replicas) return false;
    const direction = before < replicas ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
    this.context.events.record(deployment, 'Normal', 'ScalingReplicaSet', message);
    return true;
  }

  async remove(sets: readonly ReplicaSet[]): Promise<void> {
    for (const { metadata } of sets)
      try {
        const { namespace, name } = metadata;
        await this.context.cluster.delete(replicaSets, { namespace, name });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound')) throw error;
      }
  }

  /** False if the status says so already. */
  async writeStatus(status: DeploymentStatus): Promise<boolean> {
    if (isEqual(this.deployment.status ?? {}, status)) return false;
    await this.#writeStatus(status);
    return true;
  }

  async update(deployment: Deployment): Promise<void> {
    this.deployment = await this.context.cluster.update(deployments, deployment);
  }

  async #writeStatus(status: DeploymentStatus): Promise<void> {
    this.deployment = await this.context.cluster.updateStatus(deployments, {
      ...this.deployment,
      status,
    });
  }

  async #update(set: ReplicaSet): Promise<ReplicaSet> {
    const updated = await this.context.cluster.update(replicaSets, set);
    this.#written.set(updated.metadata.uid, updated);
    return updated;
  }
}
