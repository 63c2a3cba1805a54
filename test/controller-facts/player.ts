import { X509Certificate } from 'node:crypto';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { createCertificateSigner } from '#main/clusters/certificate-signer.ts';
import { issueAuthority, type KeyPair } from '#main/clusters/x509.ts';
import { startControllerManager } from '#main/control-plane/controller-manager/index.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import { resources } from '#shared/api/index.ts';
import { events as coreEvents } from '#shared/api/core/event.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ReplicaSet } from '#shared/api/types/apps-v1.ts';
import { silentLog, type Log } from '#shared/base/log.ts';
import { patchTypes, type PatchType } from '#shared/client/transport.ts';
import { timestamp } from '#shared/client/events.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { keyOf, type KubeObject, type ObjectKey } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { difference } from './compare.ts';
import { isOver, SimulatedKubelet } from './simulated-kubelet.ts';
import { View, type Json } from './view.ts';
import { WarpClock } from './warp-clock.ts';

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly expect?: Readonly<Record<string, Json>>;
  readonly nodes?: readonly NodeSpec[];
  /** Lines of pods name their nodes. */
  readonly keepNode?: boolean;
}

interface NodeSpec {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly unknown[];
  readonly unschedulable?: boolean;
}

const authorizer: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'Allow', reason: '' }),
};

type Step = Readonly<Record<string, unknown>>;
interface Selection {
  readonly n?: number;
  readonly name?: string;
  readonly node?: string;
  readonly state?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly terminating?: boolean;
}

const namespace = 'facts';
const quietMs = 1500;

/** Plays one scenario in a cluster of its own; returns what differed, by step. */
export async function play(
  scenario: Scenario,
  { log = silentLog }: { log?: Log } = {},
): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const player = await Player.start(scenario, stack, log);
  return await player.run();
}

/** A pool of nodes for whoever asks for none. */
const defaultNodes = ['node-1', 'node-2', 'node-3'];
/** Nodes that only a selector reaches. */
const zonedNodes = ['a', 'b', 'c'].map((zone) => ({
  name: `sim-${zone}`,
  labels: { 'topology.kubernetes.io/zone': `zone-${zone}` },
}));

/** As long as a test runs, one authority signs for all of its clusters. */
let authority: Promise<KeyPair> | undefined;

function signingAuthority(): Promise<KeyPair> {
  return (authority ??= issueAuthority('kubernetes-ca', {
    notBefore: new Date(Date.UTC(2020, 0, 1)),
    notAfter: new Date(Date.UTC(2050, 0, 1)),
  }));
}

function shownCertificate(pem: string, clock: WarpClock): Record<string, Json> {
  const parsed = new X509Certificate(Buffer.from(pem, 'base64'));
  const from = parsed.validFromDate.getTime();
  return {
    subject: parsed.subject,
    issuer: parsed.issuer,
    ca: parsed.ca,
    ...(parsed.subjectAltName && { san: parsed.subjectAltName }),
    extKeyUsage: [...(parsed.keyUsage ?? [])],
    validSeconds: (parsed.validToDate.getTime() - from) / 1000,
    backdatedSeconds: Math.floor((clock.now() - from) / 60_000) * 60,
    serialBits: parsed.serialNumber.length * 4 > 64 ? '>64' : '≤64',
  };
}

function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const part of path.split('/').slice(1))
    value = (value as Record<string, unknown> | undefined)?.[part];
  return value;
}

class Player {
  readonly #scenario: Scenario;
  readonly #cluster: TestCluster;
  readonly #clock: WarpClock;
  readonly #kubelet: SimulatedKubelet;
  readonly #view: View;
  readonly #differences: string[] = [];

  private constructor(parts: {
    scenario: Scenario;
    cluster: TestCluster;
    clock: WarpClock;
    kubelet: SimulatedKubelet;
  }) {
    this.#scenario = parts.scenario;
    this.#cluster = parts.cluster;
    this.#clock = parts.clock;
    this.#kubelet = parts.kubelet;
    this.#view = new View(namespace, new Set(defaultNodes), parts.scenario.keepNode === true);
  }

  static async start(scenario: Scenario, stack: AsyncDisposableStack, log: Log): Promise<Player> {
    let revision = (): string => '';
    const signing = new Set<object>();
    const idle = async (): Promise<void> => {
      let calm = 0;
      for (let last = revision(); calm < 4 || signing.size > 0;) {
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        const now = revision();
        calm = now === last ? calm + 1 : 0;
        last = now;
      }
    };
    const clock = new WarpClock(Date.UTC(2026, 0, 5, 10, 0, 5), idle);
    const cluster = stack.use(
      await startTestCluster({
        clock,
        log,
        security: () => ({ admission: admissionPlugins({ authorizer }) }),
      }),
    );
    revision = () => String(cluster.store.revision);
    const kubelet = stack.use(new SimulatedKubelet(cluster.admin, clock));
    const signer = createCertificateSigner({ authority: await signingAuthority(), clock });
    stack.use(
      startControllerManager({
        signer: {
          async sign(request) {
            signing.add(request);
            try {
              return await signer.sign(request);
            } finally {
              signing.delete(request);
            }
          },
        },
        cluster: cluster.as('system:kube-controller-manager', 'system:masters'),
        clusterFor: (name) =>
          cluster.as(`system:serviceaccount:kube-system:${name}`, 'system:masters'),
        clock,
        log,
        caBundle: 'CA',
        podRange: { podCidr: '10.244.0.0/16', nodeMask: 24 },
        signToken: (claims) => Promise.resolve(JSON.stringify(claims)),
      }),
    );
    const player = new Player({ scenario, cluster, clock, kubelet });
    await player.#prepare();
    return player;
  }

  async #prepare(): Promise<void> {
    const { admin } = this.#cluster;
    await admin.create(namespaces, { metadata: { name: namespace } });
    for (const name of defaultNodes) await this.#addNode({ name });
    for (const node of zonedNodes) await this.#addNode(node);
    for (const node of this.#scenario.nodes ?? []) await this.#addNode(this.#filled(node));
    await this.#clock.advance(500);
    await admin.get(serviceAccounts, { namespace, name: 'default' });
  }

  async run(): Promise<string[]> {
    const { steps, expect = {} } = this.#scenario;
    for (const [at, raw] of steps.entries()) {
      const step = this.#filled(raw);
      const expected = expect[String(at)];
      let shown: Json | undefined;
      try {
        shown = await this.#step(step);
      } catch (error) {
        shown = ApiError.is(error)
          ? [error.code, ...(error.reason ? [error.reason] : [])]
          : `failed: ${error instanceof Error ? error.message : String(error)}`;
        if (expected === undefined)
          this.#differences.push(
            `step ${at}: ${JSON.stringify(shown)}: ${(error as Error).message}`,
          );
      }
      if (expected === undefined) continue;
      const found = difference(expected, shown);
      if (found) this.#differences.push(`step ${at}${found}`);
    }
    for (const error of this.#kubelet.errors) this.#differences.push(`stand-in: ${String(error)}`);
    return this.#differences;
  }

  #filled<T>(value: T): T {
    const text = JSON.stringify(value)
      .replaceAll('$NS', namespace)
      .replaceAll('$POOL', this.#scenario.name);
    return JSON.parse(text) as T;
  }

  async #step(step: Step): Promise<Json | undefined> {
    const handlers: Readonly<Record<string, () => Promise<Json | undefined | void>>> = {
      create: () => this.#create(step),
      patch: () => this.#patch(step),
      delete: () => this.#delete(step),
      scale: () => this.#scale(step),
      settle: () => this.#settle(step['settle']),
      snap: () => this.#snap(step['snap'] as string[], step['quiet'] as number | undefined),
      rounds: () => this.#rounds(step['rounds'] as { view: string; n?: number }),
      wait: () => this.#clock.advance(step['wait'] as number),
      align: () => this.#align(),
      minutes: () => this.#minutes(step['minutes'] as number),
      ready: () => this.#each(step['ready'], 'unready', (pod) => this.#kubelet.setReady(pod, true)),
      unready: () =>
        this.#each(step['unready'], 'ready', (pod) => this.#kubelet.setReady(pod, false)),
      reap: () => this.#each(step['reap'], 'terminating', (pod) => this.#kubelet.reap(pod)),
      finish: () => this.#finish(step),
      deletePods: () => this.#deletePods(step),
      evict: () => this.#evict(step),
      podStatus: () =>
        this.#each(step['podStatus'], undefined, (pod) =>
          this.#kubelet.write(pod, step['status'] as never),
        ),
      until: () => this.#until(step),
      untilPods: () => this.#untilPods(step),
      own: () => this.#own(step['own'] as never),
      ownAlso: () => this.#own(step['ownAlso'] as never, true),
      node: () => this.#addNode(step['node'] as NodeSpec),
      nodeStatus: () => this.#nodeStatus(step['nodeStatus'] as never),
      nodeDead: async () => this.#kubelet.kill(step['nodeDead'] as string),
      nodeGone: () => this.#nodeGone(step['nodeGone'] as string),
      read: () => this.#read(step),
      approveCsr: () => this.#approve(step['approveCsr'] as [string, string]),
    };
    for (const [name, handle] of Object.entries(handlers))
      if (name in step) {
        const shown = await handle();
        await this.#clock.advance(20);
        return shown === undefined ? undefined : shown;
      }
    throw new Error(`the player does not know ${JSON.stringify(step)}`);
  }

  async #read(step: Step): Promise<Json> {
    await this.#clock.advance((step['after'] as number | undefined) ?? 0);
    const [url, path = ''] = step['read'] as [string, string | undefined];
    const [, ns, plural, name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(url) ?? [];
    const kind = this.#kind(plural!);
    try {
      const object = await this.#cluster.admin.get(kind, { namespace: ns!, name: name! });
      return [200, valueAt(object, path) as Json];
    } catch (error) {
      if (ApiError.is(error)) return [error.code];
      throw error;
    }
  }

  async #approve([name, type]: readonly [string, string]): Promise<void> {
    const { admin } = this.#cluster;
    const request = await admin.get(certificateSigningRequests, { name });
    const conditions = [
      ...(request.status.conditions ?? []),
      { type, status: 'True', reason: 'Check', message: '' },
    ];
    const status = { ...request.status, conditions };
    const options = { subresource: 'approval' };
    await admin.update(certificateSigningRequests, { ...request, status }, options);
  }

  async #certificates(): Promise<Json> {
    const list = await this.#list('certificatesigningrequests');
    return (list as CertificateSigningRequest[]).map(({ metadata, status: { certificate } }) => {
      const name = this.#view.name(metadata.name);
      return certificate ? { name, ...shownCertificate(certificate, this.#clock) } : `${name} none`;
    });
  }

  #kind(plural: string): Resource {
    const kind = resources.find((one) => one.plural === plural && one.storage);
    if (!kind) throw new Error(`no kind ${plural}`);
    return kind;
  }

  #key(kind: Resource, name: string, step: Step = {}): ObjectKey {
    const own = (step['ns'] as string | undefined) ?? namespace;
    return kind.scope === 'Namespaced' ? { namespace: own, name } : { name };
  }

  async #create(step: Step): Promise<void> {
    const object = step['create'] as KubeObject;
    const kind = resources.find(
      (one) => one.kind === object.kind && groupVersionOf(one) === object.apiVersion,
    );
    if (!kind) throw new Error(`no kind ${object.apiVersion} ${object.kind}`);
    const own = (step['ns'] as string | undefined) ?? namespace;
    const metadata = {
      ...object.metadata,
      ...(kind.scope === 'Namespaced' && { namespace: object.metadata.namespace ?? own }),
    };
    const admin = this.#cluster.as('admin', 'system:masters');
    await admin.create(kind, { ...object, metadata });
  }

  async #patch(step: Step): Promise<void> {
    const [plural, name, body, subresource, type] = step['patch'] as [
      string,
      string,
      unknown,
      string | null | undefined,
      PatchType | undefined,
    ];
    const kind = this.#kind(plural);
    const patch = { type: type ?? patchTypes.merge, body };
    const options = subresource ? { subresource } : {};
    await this.#cluster.admin.patch(kind, this.#key(kind, name, step), patch, options);
  }

  async #delete(step: Step): Promise<void> {
    const [plural, name, options] = step['delete'] as [string, string, object | undefined];
    const kind = this.#kind(plural);
    await this.#cluster.admin.delete(kind, this.#key(kind, name, step), options ?? {});
  }

  async #scale(step: Step): Promise<void> {
    const [plural, name, replicas] = step['scale'] as [string, string, number];
    const kind = this.#kind(plural);
    const patch = { type: patchTypes.merge, body: { spec: { replicas } } };
    await this.#cluster.admin.patch(kind, this.#key(kind, name), patch);
  }

  /** Waits until nothing has changed for a while. */
  async #rest(quiet = quietMs): Promise<void> {
    const { store } = this.#cluster;
    let last = '';
    for (let calm = 0; calm < quiet;) {
      await this.#clock.advance(50);
      const now = await this.#fingerprint(store.revision);
      calm = now === last ? calm + 50 : 0;
      last = now;
    }
  }

  #fingerprintRevision = -1;
  #fingerprintText = '';

  /** Leases are renewed for ever; only what is in the scenario's namespace counts, and nodes. */
  async #fingerprint(revision: unknown): Promise<string> {
    if (this.#fingerprintRevision === Number(revision)) return this.#fingerprintText;
    const texts: string[] = [];
    for (const plural of [
      'pods',
      'deployments',
      'replicasets',
      'statefulsets',
      'daemonsets',
      'jobs',
      'endpointslices',
      'poddisruptionbudgets',
      'resourcequotas',
      'persistentvolumeclaims',
      'persistentvolumes',
      'replicationcontrollers',
      'cronjobs',
    ])
      for (const { metadata } of (await this.#cluster.admin.list(this.#kind(plural))).items)
        texts.push(`${metadata.uid}@${metadata.resourceVersion}`);
    this.#fingerprintRevision = Number(revision);
    return (this.#fingerprintText = texts.join(','));
  }

  #pods(): Pod[] {
    const found = [...this.#kubelet.pods.values()].filter(
      (pod) => pod.metadata.namespace === namespace,
    );
    for (const pod of found) this.#view.learn(pod);
    return found;
  }

  #counts(): Json {
    const counts: Record<string, number> = {};
    for (const pod of this.#pods()) {
      const state = this.#view.state(pod);
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  async #settle(quiet: unknown): Promise<Json> {
    await this.#rest(typeof quiet === 'number' ? quiet : undefined);
    return this.#counts();
  }

  async #snap(views: readonly string[], quiet: number | undefined): Promise<Json> {
    await this.#rest(quiet);
    const shown: Record<string, Json> = {};
    for (const plural of [
      'deployments',
      'replicasets',
      'statefulsets',
      'daemonsets',
      'jobs',
      'cronjobs',
      'configmaps',
      'services',
      'endpoints',
      'endpointslices',
      'replicationcontrollers',
      'persistentvolumeclaims',
    ])
      for (const object of (await this.#cluster.admin.list(this.#kind(plural), { namespace }))
        .items)
        this.#view.learn(object);
    for (const view of views) shown[view] = await this.#show(view);
    return shown;
  }

  async #show(view: string): Promise<Json> {
    if (view === 'counts') return this.#counts();
    if (view === 'pods') return this.#pods().map((pod) => this.#view.line(pod));
    if (view === 'podobjects') return this.#pods().map((pod) => this.#podObject(pod));
    if (view === 'rs') return await this.#replicaSets();
    if (view === 'events') return await this.#events();
    if (view === 'certs') return await this.#certificates();
    const [plural = '', ...paths] = view.split(':');
    const objects = await this.#list(plural);
    if (paths.length === 0) return objects.map((object) => this.#shownObject(plural, object));
    return objects.map((object) => {
      const whole = this.#view.object(object) as { readonly [key: string]: Json };
      const picked: Record<string, Json> = { name: this.#view.name(object.metadata.name) };
      for (const path of paths) {
        const value = path
          .split('.')
          .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], whole);
        if (value !== undefined) picked[path] = value as Json;
      }
      return picked;
    });
  }

  async #list(plural: string): Promise<KubeObject[]> {
    const kind = this.#kind(plural);
    const { items } = await this.#cluster.admin.list(kind);
    return items.filter(({ metadata }) =>
      kind.scope === 'Namespaced'
        ? metadata.namespace?.startsWith(namespace)
        : metadata.name.startsWith(namespace),
    );
  }

  #shownObject(plural: string, object: KubeObject): Json {
    const shown = this.#view.object(object) as Record<string, Json>;
    const spec = shown['spec'] as Record<string, Json> | undefined;
    const template = spec?.['template'] as Record<string, Json> | undefined;
    const whole = { ...shown };
    if (template) whole['spec'] = { ...spec, template: { metadata: template['metadata'] ?? {} } };
    if (plural === 'cronjobs') whole['spec'] = { ...spec, jobTemplate: '<job>' };
    if (plural === 'configmaps') {
      const data = shown['data'] as Record<string, Json> | undefined;
      if (data?.['ca.crt']) whole['data'] = { 'ca.crt': '<text>' };
    }
    if (plural === 'certificatesigningrequests') {
      const { signerName = null, usages = null, username = null } = spec!;
      whole['spec'] = { signerName, usages, username };
      const status = shown['status'] as Record<string, Json>;
      if (status['certificate']) whole['status'] = { ...status, certificate: '<pem>' };
    }
    if (plural === 'secrets' && shown['data'])
      whole['data'] = Object.fromEntries(
        Object.keys(shown['data'] as object).map((key) => [key, '<data>']),
      );
    if (plural === 'statefulsets' && spec?.['volumeClaimTemplates']) {
      const templates = spec['volumeClaimTemplates'] as { metadata: { name: string } }[];
      const volumeClaimTemplates = templates.map(({ metadata: { name } }) => ({
        metadata: { name },
      }));
      whole['spec'] = { ...(whole['spec'] as Record<string, Json>), volumeClaimTemplates };
    }
    return whole;
  }

  #podObject(pod: Pod): Json {
    const shown = this.#view.object(pod) as { [key: string]: Json };
    const conditions = Object.entries(
      (shown['status'] as { conditions?: Record<string, Json> }).conditions ?? {},
    );
    const kept = conditions.filter(([type]) => type === 'DisruptionTarget');
    const state = this.#view.state(pod);
    return {
      ...shown,
      status: {
        phase: pod.status.phase ?? '',
        ready: state === 'ready' || (state === 'terminating' && isReadyPod(pod)),
        ...(kept.length > 0 && { conditions: Object.fromEntries(kept) }),
      },
    };
  }

  async #replicaSets(): Promise<Json> {
    const list = (await this.#list('replicasets')) as unknown as ReplicaSet[];
    const prefix = 'deployment.kubernetes.io';
    return list
      .map(({ metadata, spec, status }) => [
        Number(metadata.annotations?.[`${prefix}/revision`] ?? 0),
        spec.replicas ?? 0,
        status.replicas,
        status.readyReplicas ?? 0,
        status.availableReplicas ?? 0,
        metadata.annotations?.[`${prefix}/max-replicas`] ?? '',
      ])
      .sort((a, b) => Number(a[0]) - Number(b[0]));
  }

  async #events(): Promise<Json> {
    const { items } = await this.#cluster.admin.list(coreEvents);
    const lines = new Set<string>();
    for (const { metadata, involvedObject, type, reason, source } of items) {
      if (metadata.namespace !== namespace) continue;
      const name = this.#view.name(involvedObject.name ?? '');
      lines.add(`${involvedObject.kind}/${name} ${type} ${reason} ${source?.component}`);
    }
    return [...lines].sort();
  }

  async #rounds({ view, n }: { view: string; n?: number }): Promise<Json> {
    const states: Json[] = [];
    for (let round = 0; round < 40; round++) {
      await this.#rest();
      const shown: Record<string, Json> = {};
      for (const one of view.split(' ')) shown[one] = await this.#show(one);
      states.push(shown);
      const waiting = this.#pods()
        .filter((pod) => this.#view.state(pod) === 'unready')
        .sort(byAge);
      if (waiting.length === 0) break;
      for (const pod of waiting.slice(0, n ?? waiting.length))
        await gone(this.#kubelet.setReady(pod, true));
    }
    return states;
  }

  #select(selection: Selection, state: string | undefined): Pod[] {
    const { n, name, node, label, terminating } = selection;
    const wanted = selection.state ?? state;
    const found = this.#pods()
      .filter((pod) => wanted === undefined || this.#view.state(pod) === wanted)
      .filter((pod) => name === undefined || pod.metadata.name === name)
      .filter((pod) => node === undefined || pod.spec.nodeName === node)
      .filter((pod) => terminating !== false || !pod.metadata.deletionTimestamp)
      .filter((pod) =>
        Object.entries(label ?? {}).every(([key, value]) => pod.metadata.labels?.[key] === value),
      )
      .sort(byAge);
    return found.slice(0, n ?? found.length);
  }

  async #each(
    selection: unknown,
    state: string | undefined,
    act: (pod: Pod) => Promise<unknown>,
  ): Promise<void> {
    for (const pod of this.#select(selection as Selection, state)) await gone(act(pod));
  }

  async #finish(step: Step): Promise<void> {
    const selection = step['finish'] as Selection;
    const running = this.#select({ ...selection, n: Infinity }, undefined).filter(
      (pod) => !isOver(pod),
    );
    for (const pod of running.slice(0, selection.n))
      await this.#kubelet.finish(keyOf(pod.metadata), (step['exit'] as number | undefined) ?? 0);
  }

  async #deletePods(step: Step): Promise<void> {
    for (const { metadata } of this.#select(step['deletePods'] as Selection, undefined))
      await this.#cluster.admin.delete(pods, { namespace, name: metadata.name });
  }

  async #evict(step: Step): Promise<Json> {
    const answers: Json[] = [];
    for (const { metadata } of this.#select(step['evict'] as Selection, undefined)) {
      const { name } = metadata;
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
      try {
        await this.#cluster.admin.post(pods, { namespace, name, subresource: 'eviction' }, body);
        answers.push([201]);
      } catch (error) {
        if (!ApiError.is(error)) throw error;
        const causes = error.causes.map(({ type }) => type);
        answers.push([
          error.code,
          ...(error.reason ? [error.reason] : []),
          ...(causes.length > 0 ? [causes] : []),
        ]);
      }
      await this.#clock.advance((step['gap'] as number | undefined) ?? 0);
    }
    return answers;
  }

  /** Watches, since a value may not stay for long. */
  async #until(step: Step): Promise<void> {
    const [plural, name, path, wanted] = step['until'] as [string, string, string, Json];
    const kind = this.#kind(plural);
    const key = this.#key(kind, name, step);
    const end = this.#clock.now() + ((step['max'] as number | undefined) ?? 30_000);
    const { admin } = this.#cluster;
    const state = { isMet: false };
    const stop = new AbortController();
    const watching = (async () => {
      for await (const changes of admin.watch(kind, { signal: stop.signal }))
        for (const { type, object } of changes) {
          if (keyOf((object as KubeObject).metadata) !== keyOf(key)) continue;
          state.isMet ||= (type === 'DELETED' ? null : valueAt(object, path)) === wanted;
        }
    })().catch(() => undefined);
    try {
      while (!state.isMet && this.#clock.now() < end) await this.#clock.advance(100);
    } finally {
      stop.abort();
      await watching;
    }
    if (!state.isMet)
      throw new Error(`waited in vain for ${plural}/${name} ${path} = ${JSON.stringify(wanted)}`);
  }

  async #untilPods(step: Step): Promise<void> {
    const end = this.#clock.now() + ((step['max'] as number | undefined) ?? 30_000);
    while (this.#clock.now() < end) {
      if (this.#select(step['untilPods'] as Selection, undefined).length === step['count']) return;
      await this.#clock.advance(200);
    }
    throw new Error(`waited in vain for ${JSON.stringify(step)}`);
  }

  async #align(): Promise<void> {
    const second = (this.#clock.now() / 1000) % 60;
    if (second > 40) await this.#clock.advance((60 - second) * 1000 + 100);
  }

  async #minutes(count: number): Promise<void> {
    const start = Math.floor(this.#clock.now() / 60_000) * 60_000;
    await this.#clock.advance(start + count * 60_000 + 7000 - this.#clock.now());
  }

  async #own(
    [plural, name, ownerPlural, ownerName, more, elsewhere]: readonly [
      string,
      string,
      string,
      string,
      object | null | undefined,
      string | undefined,
    ],
    keeps = false,
  ): Promise<void> {
    const [kind, ownerKind] = [this.#kind(plural), this.#kind(ownerPlural)];
    const from = elsewhere ? { ns: elsewhere } : {};
    const { admin } = this.#cluster;
    const owner = await admin.get(ownerKind, this.#key(ownerKind, ownerName, from));
    const object = await admin.get(kind, this.#key(kind, name));
    const reference = {
      apiVersion: groupVersionOf(ownerKind),
      kind: ownerKind.kind,
      name: ownerName,
      uid: owner.metadata.uid,
      ...(keeps && { blockOwnerDeletion: true }),
      ...more,
    };
    const ownerReferences = [...(keeps ? (object.metadata.ownerReferences ?? []) : []), reference];
    const body = { metadata: { ownerReferences } };
    await admin.patch(kind, this.#key(kind, name), { type: patchTypes.merge, body });
  }

  async #addNode({ name, labels, taints, unschedulable }: NodeSpec): Promise<void> {
    const { admin } = this.#cluster;
    const node = await admin.create(nodes, {
      metadata: {
        name,
        labels: {
          'kubernetes.io/hostname': name,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': 'amd64',
          ...labels,
        },
      },
      spec: { ...(taints && { taints: taints as never }), ...(unschedulable && { unschedulable }) },
    });
    const at = timestamp(this.#clock.now());
    const condition = (type: string, status: string, reason: string) => ({
      type,
      status,
      reason,
      message: '',
      lastHeartbeatTime: at,
      lastTransitionTime: at,
    });
    const status = {
      ...node.status,
      conditions: [
        condition('Ready', 'True', 'KubeletReady'),
        ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) =>
          condition(type, 'False', 'KubeletHas'),
        ),
      ],
    };
    for (;;)
      try {
        const fresh = await admin.get(nodes, { name });
        await admin.update(nodes, { ...fresh, status }, { subresource: 'status' });
        return;
      } catch (error) {
        if (!ApiError.is(error, 'Conflict')) throw error;
      }
  }

  async #nodeStatus([name, changes]: [string, Readonly<Record<string, string>>]): Promise<void> {
    const { admin } = this.#cluster;
    for (;;) {
      const node = await admin.get(nodes, { name });
      const at = timestamp(this.#clock.now());
      const conditions = [...(node.status.conditions ?? [])];
      for (const [type, status] of Object.entries(changes)) {
        const next = {
          type,
          status,
          reason: 'Sim',
          message: '',
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        };
        const known = conditions.findIndex((one) => one.type === type);
        if (known < 0) conditions.push(next);
        else conditions[known] = next;
      }
      try {
        await admin.update(
          nodes,
          { ...node, status: { ...node.status, conditions } },
          { subresource: 'status' },
        );
        return;
      } catch (error) {
        if (!ApiError.is(error, 'Conflict')) throw error;
      }
    }
  }

  async #nodeGone(name: string): Promise<void> {
    this.#kubelet.kill(name);
    await this.#cluster.admin.delete(nodes, { name });
  }
}

function byAge(a: Pod, b: Pod): number {
  const [left, right] = [Number(a.metadata.resourceVersion), Number(b.metadata.resourceVersion)];
  const [born, bornLater] = [
    Date.parse(a.metadata.creationTimestamp),
    Date.parse(b.metadata.creationTimestamp),
  ];
  return born - bornLater || left - right;
}

function isReadyPod(pod: Pod): boolean {
  return (
    pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
    false
  );
}

/** What is gone meanwhile needs nothing more. */
async function gone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
