import { pods } from '#shared/api/core/pod.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { conditionPatch } from './pod-conditions.ts';
import type { PodInfo } from './pod-info.ts';
import type { Nominations, Preemptions, RecordEvent } from './plugin.ts';
import type { Lister } from './listers.ts';
import type { Candidate } from './preemption.ts';

export interface EvictionsOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly pods: Lister<Pod>;
  readonly nominations: Nominations;
  readonly recordEvent: RecordEvent;
  /** Has the pod tried again at once, since its room will not come. */
  activate(pod: PodInfo): void;
}

/** Carries preemptions out, in the background, and knows which pods wait for theirs to be done. */
export class Evictions implements Preemptions {
  readonly #options: EvictionsOptions;
  /** By the preemptor's uid: the last victim once only it is left. */
  readonly #underWay = new Map<string, { last?: string }>();

  constructor(options: EvictionsOptions) {
    this.#options = options;
  }

  /** Until the API server has heard of the end of the last victim. */
  areUnderWayFor(uid: string): boolean {
    const work = this.#underWay.get(uid);
    if (!work) return false;
    if (work.last === undefined) return true;
    const victim = this.#options.pods.get(work.last);
    return victim !== undefined && victim.metadata.deletionTimestamp === undefined;
  }

  start(preemptor: PodInfo, candidate: Candidate): void {
    const victims = candidate.victims.filter(({ isTerminating }) => !isTerminating);
    if (victims.length === 0) return;
    const work: { last?: string } = {};
    this.#underWay.set(preemptor.uid, work);
    void this.#evictAll(preemptor, { ...candidate, victims }, work);
  }

  async #evictAll(
    preemptor: PodInfo,
    candidate: Candidate,
    work: { last?: string },
  ): Promise<void> {
    const { log, activate } = this.#options;
    const { node, victims } = candidate;
    try {
      await this.#clearLessImportant(preemptor, node.name);
      const last = victims.at(-1);
      await Promise.all(
        victims.slice(0, -1).map((victim) => this.#evict(victim, preemptor, node.name)),
      );
      if (last) {
        work.last = last.key;
        await this.#evict(last, preemptor, node.name);
      }
      this.#underWay.delete(preemptor.uid);
    } catch (error) {
      this.#underWay.delete(preemptor.uid);
      log.error('Preemption failed; the pod will be tried again', { pod: preemptor.key, error });
      activate(preemptor);
    }
  }

  async #evict(victim: PodInfo, preemptor: PodInfo, nodeName: string): Promise<void> {
    const { cluster, clock, recordEvent } = this.#options;
    const { namespace, name, pod } = victim;
    const key = { namespace, name };
    const schedulerName = preemptor.pod.spec.schedulerName ?? '';
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${schedulerName}: preempting to accommodate a higher priority pod`,
    };
    try {
      const body = conditionPatch(pod, condition, clock.now());
      if (body) {
        const patch = { type: patchTypes.strategic, body: { status: body } };
        await cluster.patch<Pod>(pods, key, patch, { subresource: 'status' });
      }
      await cluster.delete<Pod>(pods, key);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      return;
    }
    recordEvent({
      regarding: pod,
      related: preemptor.pod,
      type: 'Normal',
      reason: 'Preempted',
      action: 'Preempting',
      note: `Preempted by pod ${preemptor.uid} on node ${nodeName}`,
    });
  }

  /** Less important pods that wait for the same node have to look elsewhere. */
  async #clearLessImportant(preemptor: PodInfo, nodeName: string): Promise<void> {
    const { cluster, nominations } = this.#options;
    for (const { priority, pod, namespace, name } of nominations.on(nodeName)) {
      if (priority >= preemptor.priority || !pod.status?.nominatedNodeName) continue;
      const patch = {
        type: patchTypes.strategic,
        body: { status: { nominatedNodeName: null } },
      };
      await cluster.patch<Pod>(pods, { namespace, name }, patch, { subresource: 'status' });
    }
  }
}
