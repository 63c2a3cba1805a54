import { nodes } from '#agent/api/resources.ts';
import type { Node, NodeCondition, NodeStatus } from '#shared/api/types/core-v1.ts';
import { sleep } from '#shared/base/clock.ts';
import { timestamp } from '#shared/client/events.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeletContext } from '../context.ts';
import { isSame } from '../status/same.ts';
import { without } from '../status/without.ts';
import { nodeAmounts, type NodeAmounts } from './capacity.ts';
import { conditionEvent, nodeConditions, type NodeHealth } from './conditions.ts';
import type { RuntimeInfo } from './runtime-info.ts';

export interface NodeStatusOptions {
  readonly context: KubeletContext;
  readonly health: () => NodeHealth;
  readonly runtimeInfo: () => RuntimeInfo;
  readonly version: string;
}

const checkMs = 10_000;
const reportMs = 300_000;
const retryMs = 1000;
const maxRetryMs = 7000;
const kubeletPort = 10_250;

/** Keeps the Node object: makes it, and tells how the node is when that changes, or every five minutes. */
export class NodeReporter implements AsyncDisposable {
  readonly #options: NodeStatusOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #registered = Promise.withResolvers<Node>();
  #wake = new AbortController();
  #told: NodeStatus | undefined;
  #toldAt = -Infinity;
  #eventsFor = new Map<string, string>();
  amounts: NodeAmounts;

  /** `amounts` as they are found at the start; they are looked at again with every check. */
  constructor(options: NodeStatusOptions, amounts: NodeAmounts) {
    this.#options = options;
    this.amounts = amounts;
    this.#running = this.#run();
  }

  /** Resolves once the Node is there. */
  get registered(): Promise<Node> {
    return this.#registered.promise;
  }

  /** Looks at once, because something that counts has just changed. */
  hurry(): void {
    this.#wake.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The kubelet has been stopped'));
    this.hurry();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { context } = this.#options;
    const { signal } = this.#stop;
    const { clock, log } = context;
    let failures = 0;
    let isRegistered = false;
    while (!signal.aborted) {
      let waitMs = checkMs;
      try {
        if (!isRegistered) this.#registered.resolve(await this.#register());
        isRegistered = true;
        await this.#report();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (ApiError.is(error, 'NotFound')) isRegistered = false;
        log.warn('Cannot report the node; trying again', { error });
        waitMs = Math.min(retryMs * 2 ** failures++, maxRetryMs);
      }
      this.#wake = new AbortController();
      await sleep(clock, waitMs, AbortSignal.any([signal, this.#wake.signal])).catch(
        () => undefined,
      ); // woken: the loop goes on
    }
  }

  async #register(): Promise<Node> {
    const { context } = this.#options;
    const { settings, cluster, facts } = context;
    const name = settings.nodeName;
    const labels = this.#labels();
    const taints = settings.taints.map(({ key, value, effect }) => ({
      key,
      effect,
      ...(value && { value }),
    }));
    const status = await this.#status([]);
    try {
      return await cluster.create(nodes, {
        metadata: {
          name,
          labels,
          annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
        },
        spec: taints.length > 0 ? { taints } : {},
        status,
      });
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
    const node = await cluster.get(nodes, { name });
    const isNewBoot = node.status.nodeInfo?.bootID !== facts.bootId;
    if (isNewBoot)
      context.recorder.record(
        this.#subject(),
        'Warning',
        'Rebooted',
        `Node ${name} has been rebooted, boot id: ${facts.bootId}`,
      );
    const missing = Object.entries(labels).some(
      ([key, value]) => node.metadata.labels?.[key] !== value,
    );
    if (!missing) return node;
    return await cluster.patch(
      nodes,
      { name },
      { type: patchTypes.merge, body: { metadata: { labels } } },
    );
  }

  #labels(): Record<string, string> {
    const { settings, facts } = this.#options.context;
    return {
      'beta.kubernetes.io/arch': facts.architecture,
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': facts.architecture,
      'kubernetes.io/hostname': settings.nodeName,
      'kubernetes.io/os': 'linux',
      ...settings.labels,
    };
  }

  /** Events about the node carry its name as uid, as upstream's kubelet does. */
  #subject() {
    const { nodeName: name } = this.#options.context.settings;
    return { apiVersion: 'v1', kind: 'Node', metadata: { name, uid: name } };
  }

  async #report(): Promise<void> {
    const { context } = this.#options;
    const { clock, cluster, settings } = context;
    const name = settings.nodeName;
    const known = this.#told ?? (await cluster.get(nodes, { name })).status;
    const node = context.objects.node()?.status ?? known;
    const status = await this.#status(node.conditions ?? []);
    this.#tellEvents(status.conditions ?? []);
    const isDue = clock.elapsed() - this.#toldAt >= reportMs;
    const isChanged = !isSame(withoutBeats(known), withoutBeats(status));
    if (!isDue && !isChanged) return;
    const body = {
      status: { ...status, addresses: [{ $patch: 'replace' }, ...(status.addresses ?? [])] },
    };
    await cluster.patch(
      nodes,
      { name },
      { type: patchTypes.strategic, body },
      { subresource: 'status' },
    );
    this.#told = status;
    this.#toldAt = clock.elapsed();
  }

  async #status(previous: readonly NodeCondition[]): Promise<NodeStatus> {
    const { context, health, runtimeInfo, version } = this.#options;
    const { settings, facts, clock } = context;
    this.amounts = await nodeAmounts(facts, settings.folders.kubelet, settings.evictionHard);
    const { images, name, runtimeVersion, features, handlers } = runtimeInfo();
    const internal = settings.nodeAddresses.map((address) => ({ type: 'InternalIP', address }));
    return {
      addresses: [...internal, { type: 'Hostname', address: settings.nodeName }],
      ...this.amounts,
      conditions: nodeConditions(health(), previous, timestamp(clock.now())),
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      declaredFeatures: ['ExtendWebSocketsToKubelet'],
      ...(features && { features }),
      images,
      nodeInfo: {
        architecture: facts.architecture,
        bootID: facts.bootId,
        containerRuntimeVersion: `${name}://${runtimeVersion}`,
        kernelVersion: facts.kernelRelease,
        kubeProxyVersion: '',
        kubeletVersion: version,
        machineID: facts.machineId,
        operatingSystem: 'linux',
        osImage: facts.osImage,
        systemUUID: facts.systemUuid,
      },
      ...(handlers && { runtimeHandlers: handlers }),
    };
  }

  #tellEvents(conditions: readonly NodeCondition[]): void {
    const { recorder, settings } = this.#options.context;
    for (const condition of conditions) {
      const reason = conditionEvent(condition);
      if (!reason || this.#eventsFor.get(condition.type) === condition.status) continue;
      const isFirst = !this.#eventsFor.has(condition.type);
      this.#eventsFor.set(condition.type, condition.status);
      if (isFirst && condition.type === 'Ready' && condition.status !== 'True') continue;
      recorder.record(
        this.#subject(),
        'Normal',
        reason,
        `Node ${settings.nodeName} status is now: ${reason}`,
      );
    }
  }
}

function withoutBeats(status: NodeStatus): NodeStatus {
  const conditions = (status.conditions ?? []).map((one) => without(one, 'lastHeartbeatTime'));
  return { ...status, conditions };
}
