import { readFile } from 'node:fs/promises';
import { events } from '#shared/api/core/event.ts';
import { pods } from '#shared/api/core/pod.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { resources } from '#shared/api/index.ts';
import type { Event, Pod } from '#shared/api/types/core-v1.ts';
import { connectContainerRuntime } from '#agent/container-runtime/index.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { New, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf } from '#shared/kube/resource.ts';
import type { KubeletRig } from '../support/kubelet/rig.ts';
import { agnhostImage, busyboxImage, nonRootImage } from '../support/kubelet/images.ts';
import { criView } from './cri.ts';
import type { Json, KubeJson, Scenario, SeenEvent, Step, Until } from './facts.ts';
import { hostFiles, logFiles, type HostFiles, type LogFiles } from './layout.ts';
import { masked, masksOf, statusView } from './view.ts';

/** Only `refused` where the API does not take the pod. */
export interface Played {
  readonly refused?: Json;
  readonly final?: Json;
  readonly events?: readonly SeenEvent[];
  readonly logs?: Readonly<Record<string, Json>>;
  readonly got?: Readonly<Record<string, Json>>;
  readonly cri?: Json;
  readonly files?: HostFiles;
  readonly rawLogs?: LogFiles;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Plays one scenario on the rig's node and says what was seen, as the facts say it. */
export async function play(scenario: Scenario, rig: KubeletRig): Promise<Played> {
  const namespace = `kf-${scenario.name}`;
  const player = new Player(scenario, rig, namespace);
  try {
    return await player.play();
  } finally {
    await player.end();
  }
}

class Player {
  readonly #scenario: Scenario;
  readonly #rig: KubeletRig;
  readonly #cluster: Cluster;
  readonly #namespace: string;
  readonly #name: string;
  #pod: Pod | undefined;

  constructor(scenario: Scenario, rig: KubeletRig, namespace: string) {
    this.#scenario = scenario;
    this.#rig = rig;
    this.#cluster = rig.controlPlane.cluster;
    this.#namespace = namespace;
    this.#name = scenario.pod.metadata.name;
  }

  async play(): Promise<Played> {
    const { before = [], pod, until, steps = [], late } = this.#scenario;
    // What a container that stays prints at its start takes a moment, and so does the reason of an end.
    const { settle = until?.seconds === undefined ? 1500 : 0 } = this.#scenario;
    await this.#cluster.create(namespaces, { metadata: { name: this.#namespace } });
    await this.#accountIsThere();
    for (const object of before) await this.#create(object);
    const refusal = await this.#refusal(pod);
    if (refusal) return { refused: refusal };
    await this.#until(until ?? (this.#ends() ? { phase: 'Succeeded' } : { ready: true }));
    if (this.#ends() && !steps.length) await this.#until({ phase: 'Succeeded' });
    await sleep(settle);
    const got: Record<string, Json> = {};
    let final = await this.#get();
    const logs = await this.#logs(final);
    const { seen } = this.#scenario;
    const files = seen.files && (await hostFiles(this.#rig.host, final));
    const rawLogs = seen.rawLogs && (await logFiles(this.#rig.host, final));
    for (const step of steps) await this.#step(step, got);
    if (late) final = (await this.#find()) ?? final;
    await this.#eventsAreIn();
    const { address } = this.#rig.host;
    const masks = masksOf(final, { name: this.#rig.nodeName, address });
    const cri = await criView(await readFile(this.#rig.record, 'utf8'), final);
    return {
      final: masked(statusView(final.status, this.#scenario.tm === true), masks),
      events: masked(await this.#events(), masks),
      logs: masked(late ? await this.#logs(final) : logs, masks),
      got: masked(got, masks),
      cri: masked(cri, masks),
      ...(files && { files: masked(files, masks) }),
      ...(rawLogs && { rawLogs: masked(rawLogs, masks) }),
    };
  }

  async end(): Promise<void> {
    const key = { namespace: this.#namespace, name: this.#name };
    await this.#cluster.delete(pods, key, { gracePeriodSeconds: 1 }).catch(gone);
    await this.#cluster.delete(namespaces, { name: this.#namespace }).catch(gone);
  }

  /** It was seen after its end. */
  #ends(): boolean {
    return (this.#scenario.seen.final as { phase?: string }).phase === 'Succeeded';
  }

  async #accountIsThere(): Promise<void> {
    const key = { namespace: this.#namespace, name: 'default' };
    for (let left = 200; left > 0; left--) {
      if (await this.#cluster.get(serviceAccounts, key).catch(() => undefined)) return;
      await sleep(50);
    }
    throw new Error('The service account did not come');
  }

  #filled(object: KubeJson): New<KubeObject> {
    const text = JSON.stringify(object)
      .replaceAll('$BUSYBOX', busyboxImage)
      .replaceAll('$AGNHOST', agnhostImage)
      .replaceAll('$NONROOT', nonRootImage)
      .replaceAll(/\$NODE1|\$NODE/g, this.#rig.nodeName)
      .replaceAll('$NS', this.#namespace);
    const made = JSON.parse(text) as KubeObject;
    return { ...made, metadata: { ...made.metadata, namespace: this.#namespace } };
  }

  async #create(object: KubeJson): Promise<void> {
    await this.#cluster.create(resourceOf(object), this.#filled(object));
  }

  /** What the API answers where it does not take the pod at all. */
  async #refusal(pod: KubeJson): Promise<Json | undefined> {
    try {
      await this.#create(pod);
      return undefined;
    } catch (error) {
      if (!ApiError.is(error)) throw error;
      return [error.code, error.reason];
    }
  }

  async #find(): Promise<Pod | undefined> {
    try {
      this.#pod = await this.#cluster.get(pods, { namespace: this.#namespace, name: this.#name });
      return this.#pod;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #get(): Promise<Pod> {
    return (await this.#find()) ?? this.#pod!;
  }

  async #until(until: Until): Promise<void> {
    if (until.seconds !== undefined) return await sleep(until.seconds * 1000);
    const end = Date.now() + (until.max ?? 60) * 1000;
    while (Date.now() < end) {
      const pod = await this.#find();
      if (until.gone ? !pod : pod && (await this.#holds(pod, until))) return;
      await sleep(100);
    }
  }

  async #holds(pod: Pod, until: Until): Promise<boolean> {
    const { phase, conditions = [] } = pod.status;
    const statuses = [
      ...(pod.status.initContainerStatuses ?? []),
      ...(pod.status.containerStatuses ?? []),
      ...(pod.status.ephemeralContainerStatuses ?? []),
    ];
    const is = (type: string, wanted: string): boolean =>
      conditions.some((one) => one.type === type && one.status === wanted);
    const { resized } = until;
    return (
      (until.phase === undefined || phase === until.phase) &&
      (until.waiting === undefined ||
        statuses.some(
          ({ state, restartCount }) =>
            state.waiting?.reason === until.waiting && restartCount >= (until.restarts ?? 0),
        )) &&
      (until.restarts === undefined ||
        statuses.some(({ restartCount }) => restartCount >= until.restarts!)) &&
      (until.running === undefined ||
        statuses.some((one) => one.name === until.running && one.state.running !== undefined)) &&
      (until.terminated === undefined ||
        statuses.some(({ state }) => state.terminated?.reason === until.terminated)) &&
      (until.ready === undefined || is('Ready', 'True')) &&
      (until.notReady === undefined || is('Ready', 'False')) &&
      Object.entries(until.cond ?? {}).every(([type, wanted]) => is(type, wanted)) &&
      (resized === undefined ||
        statuses.some(
          ({ resources: now }) =>
            JSON.stringify(now, ['limits', 'requests', 'cpu', 'memory']) ===
            JSON.stringify(resized, ['limits', 'requests', 'cpu', 'memory']),
        )) &&
      (until.event === undefined ||
        (await this.#rawEvents()).some(
          ({ reason, count = 1 }) => reason === until.event && count >= (until.count ?? 1),
        ))
    );
  }

  async #step(step: Step, got: Record<string, Json>): Promise<void> {
    const save = (value: Json): void => {
      if (step.save) got[step.save] = value;
    };
    const key = { namespace: this.#namespace, name: this.#name };
    if (step.sleep !== undefined) await sleep(step.sleep * 1000);
    if (step.until) await this.#until(step.until);
    if (step.exec) save(await this.#exec(step.exec, step.c));
    if (step.snap) got[step.snap] = await this.#snap();
    if (step.create) await this.#create(step.create);
    if (step.set) save(await this.#attempt(() => this.#replace(step.set!)));
    if (step.patch !== undefined) {
      const type =
        step.type === 'merge'
          ? 'application/merge-patch+json'
          : 'application/strategic-merge-patch+json';
      const body = JSON.parse(
        JSON.stringify(step.patch).replaceAll('$BUSYBOX', busyboxImage),
      ) as unknown;
      save(
        await this.#attempt(() =>
          this.#cluster.patch(pods, key, { type, body }, step.sub ? { subresource: step.sub } : {}),
        ),
      );
    }
    if (step.del) {
      const { grace, wait = true } = step.del;
      const started = Date.now();
      await this.#cluster.delete(
        pods,
        key,
        grace === undefined ? {} : { gracePeriodSeconds: grace },
      );
      if (wait) await this.#until({ gone: true, max: 60 });
      save({ sec: Math.round((Date.now() - started) / 1000) });
    }
  }

  async #replace(object: KubeJson): Promise<unknown> {
    const resource = resourceOf(object);
    const filled = this.#filled(object);
    const old = await this.#cluster.get(resource, {
      namespace: this.#namespace,
      name: object.metadata.name,
    });
    return await this.#cluster.update(resource, {
      ...old,
      ...filled,
      metadata: old.metadata,
    });
  }

  async #attempt(work: () => Promise<unknown>): Promise<Json> {
    try {
      await work();
      return { status: 200 };
    } catch (error) {
      if (!ApiError.is(error)) throw error;
      return { status: error.code, reason: error.reason };
    }
  }

  async #snap(): Promise<Json> {
    const pod = await this.#get();
    const view = statusView(pod.status, false) as Readonly<Record<string, Json>>;
    return { ...view, deletionGracePeriodSeconds: pod.metadata.deletionGracePeriodSeconds ?? null };
  }

  async #exec(cmd: readonly string[], container: string | undefined): Promise<Json> {
    using runtime = connectContainerRuntime(
      `unix://${this.#rig.host.path('/run/containerd/containerd.sock')}`,
      { clock: systemClock },
    );
    const pod = await this.#get();
    const wanted = container ?? pod.spec.containers[0]?.name;
    const status = pod.status.containerStatuses?.find((one) => one.name === wanted);
    const containerId = status?.containerID?.replace('containerd://', '') ?? '';
    try {
      const { exitCode, stdout } = await runtime.execSync({ containerId, cmd });
      return { code: exitCode, out: Buffer.from(stdout).toString('utf8') };
    } catch {
      return { code: 1, out: '' };
    }
  }

  /** Events are written one after the other, and again after a while where that fails. */
  async #eventsAreIn(): Promise<void> {
    const expected = this.#scenario.seen.events.filter(([, reason]) => reason !== 'FailedMount');
    for (let left = 130; left > 0; left--) {
      const seen = await this.#rawEvents();
      const has = ([, reason, , fieldPath]: SeenEvent): boolean =>
        seen.some(
          (one) => one.reason === reason && (one.involvedObject.fieldPath ?? '') === fieldPath,
        );
      if (expected.every(has)) return await sleep(300);
      await sleep(100);
    }
  }

  async #rawEvents(): Promise<readonly Event[]> {
    const list = await this.#cluster.list(events, { namespace: this.#namespace });
    return list.items.filter(({ involvedObject }) => involvedObject.kind === 'Pod');
  }

  async #events(): Promise<readonly SeenEvent[]> {
    const seen = (await this.#rawEvents()).map(
      ({
        type = '',
        reason = '',
        source,
        reportingComponent,
        involvedObject,
        count,
      }): SeenEvent => [
        type,
        reason,
        source?.component || reportingComponent || '',
        involvedObject.fieldPath ?? '',
        count ?? 1,
      ],
    );
    return seen.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  /** What containers have printed, from their files on the node; `{"status":400}` of those without one. */
  async #logs(pod: Pod): Promise<Record<string, Json>> {
    const { uid } = pod.metadata;
    const folder = this.#rig.host.path(`/var/log/pods/${this.#namespace}_${this.#name}_${uid}`);
    const logs: Record<string, Json> = {};
    for (const { name: container } of [
      ...(pod.spec.initContainers ?? []),
      ...pod.spec.containers,
    ]) {
      const status = [
        ...(pod.status.initContainerStatuses ?? []),
        ...(pod.status.containerStatuses ?? []),
      ].find((one) => one.name === container);
      const file = `${folder}/${container}/${status?.restartCount ?? 0}.log`;
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) logs[container] = { status: 400 };
      else if (text) logs[container] = textOf(text);
    }
    return logs;
  }
}

function textOf(log: string): string {
  let text = '';
  for (const line of log.split('\n').filter(Boolean)) {
    const [, , tag = '', ...rest] = line.split(' ');
    text += rest.join(' ') + (tag === 'P' ? '' : '\n');
  }
  return text.slice(0, 4000);
}

function resourceOf({ apiVersion, kind }: KubeJson) {
  const found = resources.find((one) => one.kind === kind && groupVersionOf(one) === apiVersion);
  if (!found) throw new Error(`No resource of kind ${kind}`);
  return found;
}

function gone(error: unknown): void {
  if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
}
