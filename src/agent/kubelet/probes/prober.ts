import type { Container, Pod, Probe } from '#shared/api/types/core-v1.ts';
import { containerStates } from '#agent/container-runtime/enums.ts';
import type { KubeletContext } from '../context.ts';
import { latestOf } from '../pods/plan.ts';
import {
  allContainers,
  fieldPathOf,
  isSidecar,
  type ContainerKind,
} from '../pods/pod-containers.ts';
import { podIpsOf, type PodContainerStatus, type RuntimePod } from '../runtime-state.ts';
import { wasToldGood, type ProbeKind, type ProbeResult, type ProbeResults } from './results.ts';
import { runProbe } from './run-probe.ts';

export interface ProberOptions {
  readonly context: KubeletContext;
  readonly runtimePod: (uid: string) => RuntimePod | undefined;
  /** The pod as it is now; `undefined` when it is no more. */
  readonly pod: (uid: string) => Pod | undefined;
  readonly changed: (uid: string) => void;
}

interface Worker {
  readonly uid: string;
  readonly container: string;
  readonly containerKind: ContainerKind;
  readonly kind: ProbeKind;
  containerId: string;
  /** How often in a row the same came out. */
  run: number;
  last: boolean | undefined;
  /** Waits for the container to be replaced. */
  isOnHold: boolean;
  isProbing: boolean;
  timer: Disposable | undefined;
  isOver: boolean;
}

const kinds: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

/** Probes containers in their rhythm and keeps what was found. */
export class Prober implements ProbeResults, Disposable {
  readonly #options: ProberOptions;
  readonly #workers = new Map<string, Worker>();
  readonly #results = new Map<string, ProbeResult>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  of(kind: ProbeKind, containerId: string): ProbeResult | undefined {
    return this.#results.get(`${kind}/${containerId}`);
  }

  /** Probes the pod's containers from now on; what is probed already goes on. */
  add(pod: Pod): void {
    const { uid } = pod.metadata;
    for (const { container, kind: containerKind } of allContainers(pod)) {
      const isPlainInit = containerKind === 'init' && !isSidecar(container);
      if (isPlainInit || containerKind === 'ephemeral') continue;
      for (const kind of kinds) {
        if (!container[`${kind}Probe`]) continue;
        const key = `${uid}/${container.name}/${kind}`;
        if (this.#workers.has(key)) continue;
        const worker: Worker = {
          uid,
          container: container.name,
          containerKind,
          kind,
          containerId: '',
          run: 0,
          last: undefined,
          isOnHold: false,
          isProbing: false,
          timer: undefined,
          isOver: false,
        };
        this.#workers.set(key, worker);
        this.#tick(worker);
      }
    }
  }

  /** Does not wait for the rhythm: something has just changed that makes a look worthwhile. */
  hurry(uid: string): void {
    for (const worker of this.#workers.values()) {
      if (worker.uid !== uid || worker.kind === 'liveness' || worker.isProbing) continue;
      const isGood = this.of(worker.kind, worker.containerId) === 'success';
      if (isGood && worker.containerId === this.#current(worker)?.id) continue;
      worker.timer?.[Symbol.dispose]();
      this.#tick(worker);
    }
  }

  /** A pod that is ending is asked only whether it is ready. */
  stopAllBut(uid: string, keep: ProbeKind | undefined): void {
    for (const [key, worker] of this.#workers) {
      if (worker.uid !== uid || worker.kind === keep) continue;
      worker.isOver = true;
      worker.timer?.[Symbol.dispose]();
      this.#workers.delete(key);
      if (!keep) this.#results.delete(`${worker.kind}/${worker.containerId}`);
    }
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers.values()) {
      worker.isOver = true;
      worker.timer?.[Symbol.dispose]();
    }
    this.#workers.clear();
  }

  #tick(worker: Worker): void {
    const probe = this.#probeOf(worker)?.probe;
    if (worker.isOver || !probe) return;
    const { clock, log } = this.#options.context;
    worker.timer = clock.after((probe.periodSeconds ?? 10) * 1000, () => this.#tick(worker));
    if (worker.isProbing) return;
    worker.isProbing = true;
    this.#probe(worker)
      .catch((error: unknown) => log.error('A probe broke', { uid: worker.uid, error }))
      .finally(() => {
        worker.isProbing = false;
      });
  }

  #probeOf({
    uid,
    container,
    kind,
  }: Worker): { container: Container; probe: Probe; pod: Pod } | undefined {
    const pod = this.#options.pod(uid);
    const found =
      pod && allContainers(pod).find((one) => one.container.name === container)?.container;
    const probe = found?.[`${kind}Probe`];
    return pod && found && probe && { container: found, probe, pod };
  }

  #current({ uid, container }: Worker): PodContainerStatus | undefined {
    return latestOf(this.#options.runtimePod(uid), container);
  }

  async #probe(worker: Worker): Promise<void> {
    const found = this.#probeOf(worker);
    const status = this.#current(worker);
    if (!found || !status) return;
    const { container, probe, pod } = found;
    if (worker.containerId !== status.id) this.#begin(worker, status.id, pod);
    if (worker.isOnHold) return;
    if (status.state !== containerStates.running) {
      if (worker.kind === 'readiness') this.#set(worker, 'failure');
      return;
    }
    const { clock } = this.#options.context;
    const age = clock.now() - Number(status.startedAt / 1_000_000n);
    if (age < (probe.initialDelaySeconds ?? 0) * 1000) return;
    const hasStarted = !container.startupProbe || this.of('startup', status.id) === 'success';
    if ((worker.kind === 'startup') === hasStarted) return;
    const [own = ''] = podIpsOf(this.#options.runtimePod(worker.uid));
    const podIp = pod.spec.hostNetwork
      ? (this.#options.context.settings.nodeAddresses[0] ?? '')
      : own;
    const target = { container, containerId: status.id, podIp };
    const outcome = await runProbe(probe, target, this.#options.context);
    if (worker.isOver || worker.containerId !== status.id) return;
    if (!outcome.succeeded) this.#tell(worker, pod, outcome);
    this.#count(worker, probe, outcome.succeeded);
  }

  /** Of a new container nothing is known yet; of one that ran before the kubelet, what was told last. */
  #begin(worker: Worker, id: string, pod: Pod): void {
    this.#results.delete(`${worker.kind}/${worker.containerId}`);
    worker.containerId = id;
    worker.run = 0;
    worker.last = undefined;
    worker.isOnHold = false;
    const { kind } = worker;
    const unknown = kind === 'startup' ? 'unknown' : 'failure';
    const isGood = kind === 'liveness' || wasToldGood(pod.status, kind, id);
    this.#results.set(`${kind}/${id}`, isGood ? 'success' : unknown);
  }

  #count(worker: Worker, probe: Probe, succeeded: boolean): void {
    worker.run = worker.last === succeeded ? worker.run + 1 : 1;
    worker.last = succeeded;
    const threshold = succeeded ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (worker.run < threshold) return;
    this.#set(worker, succeeded ? 'success' : 'failure');
    if (worker.kind === 'readiness' || succeeded) return;
    worker.isOnHold = true;
    worker.run = 0;
  }

  #set(worker: Worker, result: ProbeResult): void {
    const key = `${worker.kind}/${worker.containerId}`;
    if (this.#results.get(key) === result) return;
    this.#results.set(key, result);
    this.#options.changed(worker.uid);
    if (worker.kind === 'startup' && result === 'success') this.hurry(worker.uid);
  }

  #tell(
    worker: Worker,
    pod: Pod,
    { output, isError }: { output: string; isError?: boolean },
  ): void {
    const { recorder } = this.#options.context;
    const named = worker.kind.replace(/^./, (first) => first.toUpperCase());
    const fieldPath = fieldPathOf(worker.containerKind, worker.container);
    const what = isError ? 'errored and resulted in unknown state' : 'failed';
    recorder.record(
      { ...pod, fieldPath },
      'Warning',
      'Unhealthy',
      `${named} probe ${what}: ${output}`,
    );
  }
}
