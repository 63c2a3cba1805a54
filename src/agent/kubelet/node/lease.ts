import { leases } from '#agent/api/resources.ts';
import type { Lease } from '#shared/api/types/coordination-v1.ts';
import { sleep } from '#shared/base/clock.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeletContext } from '../context.ts';

const durationSeconds = 40;
const renewMs = 10_000;
const firstTryMs = 200;
const namespace = 'kube-node-lease';

/** Says every ten seconds that the node is alive. Waits for nothing else that the kubelet does. */
export class NodeLease implements AsyncDisposable {
  readonly #context: KubeletContext;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #lease: Lease | undefined;

  constructor(context: KubeletContext) {
    this.#context = context;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#context;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#renew(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#lease = undefined;
        failures++;
        log.warn('Cannot renew the lease of the node; trying again', { error });
      }
      const waitMs = this.#lease ? renewMs : firstTryMs;
      const ms = failures > 0 ? Math.min(firstTryMs * 2 ** failures, renewMs) : waitMs;
      await sleep(clock, ms, signal).catch(() => undefined); // stopped: the loop's condition ends it
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { cluster, clock, settings, objects } = this.#context;
    const name = settings.nodeName;
    const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: name, leaseDurationSeconds: durationSeconds, renewTime };
    const node = objects.node();
    const owner = node && {
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: node.metadata.uid }],
    };
    this.#lease ??= await cluster.get(leases, { namespace, name }, { signal }).catch(missing);
    if (!this.#lease) {
      // Without its owner it would outlive the node.
      if (!owner) return;
      const metadata = { name, namespace, ...owner };
      this.#lease = await cluster.create(leases, { metadata, spec }, { signal });
      return;
    }
    const metadata = { ...this.#lease.metadata, ...owner };
    this.#lease = await cluster.update(leases, { ...this.#lease, metadata, spec }, { signal });
  }
}

function missing(error: unknown): undefined {
  if (ApiError.is(error, 'NotFound')) return undefined;
  throw error;
}
