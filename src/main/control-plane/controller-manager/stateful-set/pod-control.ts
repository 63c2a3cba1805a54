import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { StatefulSet } from '#shared/api/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import type { ReconcileContext } from '#shared/kube/controller.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf } from '#shared/kube/object.ts';
import { messageOf } from '../values.ts';
import {
  claimsFor,
  hasIdentity,
  hasStorage,
  ordinalOf,
  withIdentityAndStorage,
  type DraftPod,
} from './identity.ts';
import {
  hasUnexpectedController,
  isRetentionKept,
  isStale,
  retainsOnScale,
  retentionReferences,
} from './retention.ts';

type Named = Pod | DraftPod;

/** What one pass does to the pods and claims of a StatefulSet, with its events. */
export class StatefulPods {
  readonly #set: StatefulSet;
  readonly #context: ReconcileContext;

  constructor(set: StatefulSet, context: ReconcileContext) {
    this.#set = set;
    this.#context = context;
  }

  async create(pod: DraftPod): Promise<void> {
    try {
      await this.#createClaims(pod);
    } catch (error) {
      this.#tell('Create', pod, error);
      throw error;
    }
    let failure: unknown;
    let created: Pod | undefined;
    try {
      created = await this.#context.cluster.create(pods, pod);
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) throw error;
      failure = error;
    }
    await this.keepRetention(created ?? pod, 'Update');
    this.#tell('Create', pod, failure);
    if (failure) throw failure as Error;
  }

  async delete(pod: Pod): Promise<void> {
    const { namespace, name } = pod.metadata;
    try {
      await this.#context.cluster.delete(pods, { namespace, name });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) {
        this.#tell('Delete', pod, error);
        throw error;
      }
    }
    this.#tell('Delete', pod, undefined);
  }

  /** Gives the pod the labels, volumes and claim owners that it should have. */
  async repair(pod: Pod): Promise<void> {
    const isRight = hasIdentity(this.#set, pod) && hasStorage(this.#set, pod);
    if (!hasStorage(this.#set, pod))
      await this.#createClaims(pod).catch((error: unknown) => {
        this.#tell('Update', pod, error);
        throw error;
      });
    const isKept = this.isRetentionKept(pod);
    if (!isKept) await this.keepRetention(pod, 'Update');
    if (isRight && isKept) return;
    try {
      await this.#context.cluster.update(pods, withIdentityAndStorage(this.#set, pod));
      this.#tell('Update', pod, undefined);
    } catch (error) {
      this.#tell('Update', pod, error);
      throw error;
    }
  }

  /** Creates the claims that a pending pod still waits for. */
  async completeClaims(pod: Pod): Promise<void> {
    await this.#createClaims(pod);
    await this.keepRetention(pod, 'Update');
  }

  isRetentionKept(pod: Named): boolean {
    return this.#existingClaims(pod).every((claim) =>
      isRetentionKept(claim, this.#set, owner(pod)),
    );
  }

  async keepRetention(pod: Named, verb?: 'Update'): Promise<void> {
    for (const claim of this.#existingClaims(pod)) {
      const { name } = claim.metadata;
      if (hasUnexpectedController(claim, this.#set, owner(pod)))
        this.#context.events.record(
          this.#set,
          'Warning',
          'ConflictingController',
          `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`,
        );
      if (isRetentionKept(claim, this.#set, owner(pod))) continue;
      const ownerReferences = retentionReferences(claim, this.#set, owner(pod));
      try {
        await this.#context.cluster.update(persistentVolumeClaims, {
          ...claim,
          metadata: { ...claim.metadata, ownerReferences },
        });
      } catch (error) {
        const message = `could not update claim ${name} for delete policy ownerRefs: ${messageOf(error)}`;
        const failure = new Error(message, { cause: error });
        if (verb) this.#tell(verb, pod, failure);
        throw failure;
      }
    }
  }

  /** True while a claim still belongs to the pod's predecessor, which takes it along. */
  hasStaleClaim(pod: Named): boolean {
    if (retainsOnScale(this.#set)) return false;
    return this.#existingClaims(pod).some((claim) => isStale(claim, owner(pod)));
  }

  #existingClaims(pod: Named): PersistentVolumeClaim[] {
    const found: PersistentVolumeClaim[] = [];
    for (const { metadata } of claimsFor(this.#set, ordinalOf(pod))) {
      const claim = this.#context.cache.get(persistentVolumeClaims, keyOf(metadata));
      if (claim) found.push(claim);
    }
    return found;
  }

  async #createClaims(pod: Named): Promise<void> {
    const failures: string[] = [];
    for (const claim of claimsFor(this.#set, ordinalOf(pod))) {
      const { name } = claim.metadata;
      const existing = this.#context.cache.get(persistentVolumeClaims, keyOf(claim.metadata));
      if (existing?.metadata.deletionTimestamp) failures.push(`pvc ${name} is being deleted`);
      if (existing) continue;
      try {
        await this.#context.cluster.create(persistentVolumeClaims, claim);
        this.#tellClaim(pod, name, undefined);
      } catch (error) {
        failures.push(`failed to create PVC ${name}: ${messageOf(error)}`);
        if (!ApiError.is(error, 'AlreadyExists')) this.#tellClaim(pod, name, error);
      }
    }
    if (failures.length > 0) throw new Error(aggregated(failures));
  }

  #tell(verb: 'Create' | 'Update' | 'Delete', pod: Named, error: unknown): void {
    const what = `${verb} Pod ${pod.metadata.name} in StatefulSet ${this.#set.metadata.name}`;
    const { events } = this.#context;
    if (error === undefined)
      events.record(this.#set, 'Normal', `Successful${verb}`, `${what} successful`);
    else
      events.record(
        this.#set,
        'Warning',
        `Failed${verb}`,
        `${what} failed error: ${messageOf(error)}`,
      );
  }

  #tellClaim(pod: Named, claim: string, error: unknown): void {
    const { events } = this.#context;
    const { name } = this.#set.metadata;
    const podName = pod.metadata.name;
    if (error === undefined) {
      const message = `Create Claim ${claim} Pod ${podName} in StatefulSet ${name} success`;
      events.record(this.#set, 'Normal', 'SuccessfulCreate', message);
    } else {
      const message = `Create Claim ${claim} for Pod ${podName} in StatefulSet ${name} failed error: ${messageOf(error)}`;
      events.record(this.#set, 'Warning', 'FailedCreate', message);
    }
  }
}

function owner(pod: Named): { metadata: { name: string; uid?: string } } {
  const { name, uid } = pod.metadata;
  return { metadata: { name, ...(uid && { uid }) } };
}

/** One failure as it is, several in brackets: upstream's aggregate. */
export function aggregated(failures: readonly string[]): string {
  const distinct = [...new Set(failures)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
