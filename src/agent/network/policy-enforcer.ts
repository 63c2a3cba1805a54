import { isDeepStrictEqual } from 'node:util';
import { isolated, policyRules, policyTable } from '#agent/network/policy-rules.ts';
import type { WatchedNetwork } from '#agent/network/watched-network.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import type { NftSession } from '#agent/nftables/session.ts';
import { NftTable } from '#agent/nftables/table.ts';
import type { Log } from '#shared/base/log.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf } from '#shared/kube/object.ts';
import { addressesOf } from '#shared/policy/party.ts';
import { createPolicyModel } from '#shared/policy/model.ts';

export interface PolicyEnforcerOptions {
  readonly nodeName: string;
  readonly view: WatchedNetwork;
  readonly run: RunProgram;
  readonly session: Pick<NftSession, 'apply'>;
  readonly log: Log;
}

/** A pod of this node whose address the kubelet knows before the API does. */
export interface StartedPod {
  readonly pod: Pod;
  readonly addresses: readonly string[];
}

/** Keeps the kernel's rules what network policies mean for the pods of this node. */
export class PolicyEnforcer {
  readonly #options: PolicyEnforcerOptions;
  readonly #table: NftTable;
  readonly #started = new Map<string, StartedPod>();
  #last: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: PolicyEnforcerOptions) {
    this.#options = options;
    this.#table = new NftTable({
      name: policyTable,
      run: options.run,
      session: options.session,
      witness: `map ${isolated.ingress}`,
    });
  }

  podStarted(started: StartedPod): void {
    this.#started.set(keyOf(started.pod.metadata), started);
  }

  /** The API has no such pod any more. */
  podGone({ metadata }: Pod): void {
    const key = keyOf(metadata);
    if (this.#started.get(key)?.pod.metadata.uid === metadata.uid) this.#started.delete(key);
  }

  /** Resolves once the kernel has all that is known now. One at a time; who waits, waits together. */
  sync(): Promise<void> {
    this.#next ??= this.#last
      .catch(() => {}) // whoever asked for that one was told
      .then(() => {
        this.#next = undefined;
        return this.#apply();
      });
    this.#last = this.#next;
    return this.#next;
  }

  async repair(): Promise<void> {
    await this.#last.catch(() => {}); // likewise
    if (await this.#table.check()) return;
    this.#options.log.warn(
      'The rules of policies are gone; somebody flushed them. Making them anew',
    );
    await this.sync();
  }

  async #apply(): Promise<void> {
    const { nodeName, view } = this.#options;
    const model = createPolicyModel({
      pods: this.#pods(),
      namespaces: view.namespaces(),
      policies: view.policies(),
      nodes: view.nodes(),
    });
    const local = model.pods.filter(({ spec }) => spec.nodeName === nodeName);
    this.#table.put('', policyRules(model, local));
    await this.#table.apply();
  }

  /** As the API has them, with the addresses that only the kubelet knows yet. */
  #pods(): readonly Pod[] {
    const { view } = this.#options;
    const unknown = new Map(this.#started);
    const known = [...view.pods()].map((pod) => {
      const key = keyOf(pod.metadata);
      const own = unknown.get(key);
      if (!own) return pod;
      unknown.delete(key);
      const isKnown = isDeepStrictEqual(own.addresses, addressesOf(pod));
      if (!isKnown)
        return withAddresses(
          own.pod.metadata.uid === pod.metadata.uid ? pod : own.pod,
          own.addresses,
        );
      this.#started.delete(key);
      return pod;
    });
    return [
      ...known,
      ...[...unknown.values()].map(({ pod, addresses }) => withAddresses(pod, addresses)),
    ];
  }
}

function withAddresses(pod: Pod, addresses: readonly string[]): Pod {
  const podIPs = addresses.map((ip) => ({ ip }));
  return { ...pod, status: { ...pod.status, podIP: addresses[0] ?? '', podIPs } };
}
