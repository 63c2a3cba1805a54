import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import type { Decision } from '#main/control-plane/scheduler/cycle.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeApi } from './fake-api.ts';
import { expand, kinds, namespaces, type Short } from './objects.ts';
import { profiles } from './profiles.ts';

type PluginScore = number | readonly number[] | { raw: number | number[]; norm: number | number[] };

/** What upstream found out about one pending pod. */
export interface Expected {
  readonly feasible?: readonly string[];
  readonly refused?: Readonly<Record<string, readonly string[]>>;
  readonly unres?: readonly string[] | true;
  readonly pre?: string;
  readonly scores?: Readonly<Record<string, PluginScore>>;
  readonly total?: readonly number[];
  readonly win?: readonly string[];
  readonly reason?: string;
  readonly plugins?: readonly string[];
  readonly post?: string;
  readonly nominated?: readonly string[];
  readonly victims?: readonly (readonly string[])[];
}

interface Step {
  readonly op: 'create' | 'patch' | 'delete';
  readonly k: string;
  readonly n?: string;
  readonly o?: Short;
  readonly b?: unknown;
  readonly type?: string;
  readonly sub?: string;
}

export interface Scenario {
  readonly id: string;
  readonly f: string;
  readonly nodes: readonly Short[];
  readonly pods?: readonly Short[];
  readonly pending: readonly Short[];
  readonly hold?: boolean;
  readonly then?: readonly Step[];
  readonly x: readonly Expected[];
  readonly after?: {
    readonly tried: boolean;
    readonly bound: readonly (readonly string[] | null)[];
  };
}

/** Everything about the decision that scenarios state, in their words. */
export interface Observed {
  readonly feasible?: readonly string[];
  readonly refused?: Readonly<Record<string, readonly string[]>>;
  readonly unres?: readonly string[] | true;
  readonly pre?: string;
  readonly scores?: Readonly<Record<string, { raw: readonly number[]; norm: readonly number[] }>>;
  readonly total?: readonly number[];
  readonly chosen?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly plugins?: readonly string[];
  readonly post?: string;
  readonly nominated?: string;
  readonly victims?: readonly string[];
}

export interface Played {
  readonly decisions: readonly Observed[];
  readonly tried: boolean;
  readonly bound: readonly (string | null)[];
}

/** The API server that a scenario is played on. */
export interface Stage extends AsyncDisposable {
  readonly cluster: Cluster;
  /** Objects are kept just as they are created, so that they have to be complete. */
  readonly asStored: boolean;
  create(plural: string, object: KubeObject): Promise<void>;
  patch(plural: string, key: string, patch: StagePatch): Promise<void>;
  /** At once, without grace. */
  remove(plural: string, key: string): Promise<void>;
  all(plural: string): Promise<readonly KubeObject[]>;
  get(plural: string, key: string): Promise<KubeObject | undefined>;
  /** Resolves when everybody has heard of everything. */
  settle(): Promise<void>;
}

export interface StagePatch {
  readonly body: unknown;
  readonly type?: string | undefined;
  readonly subresource?: string | undefined;
}

/** An API server in memory. */
export function fakeStage(): Stage {
  const api = new FakeApi();
  return {
    cluster: createCluster(api),
    asStored: true,
    create: async (plural, object) => void api.put(plural, object),
    patch: async (plural, key, { body, type }) => void api.patch(plural, key, body, type),
    remove: async (plural, key) => api.remove(plural, key),
    all: async (plural) => api.all(plural),
    get: async (plural, key) => api.get(plural, key),
    settle,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Plays one scenario against a whole scheduler. */
export async function play(scenario: Scenario, stage: Stage = fakeStage()): Promise<Played> {
  const clock = new FakeClock(Date.UTC(2026, 0, 2));
  for (const one of namespaces)
    await stage.create('namespaces', { metadata: { name: one.n, labels: one.l } } as never);
  for (const kind of Object.keys(kinds)) {
    const objects = (scenario as unknown as Record<string, readonly Short[] | undefined>)[kind];
    for (const one of objects ?? []) await create(stage, kind, one);
  }
  const seen = new Map<string, Observed>();
  let attempts = 0;
  await using scheduler = startScheduler({
    cluster: stage.cluster,
    clock,
    log: silentLog,
    recordEvent: () => {},
    configuration: { profiles, percentageOfNodesToScore: 100 },
    random: seeded(7),
    onDecision(_queued, decision) {
      if (decision.preFilters) attempts++;
      if (!seen.has(decision.pod.name)) seen.set(decision.pod.name, observe(decision));
    },
  });
  await stage.settle();
  await scheduler.ready;
  const pass = async (ms: number): Promise<void> => {
    await stage.settle();
    await completeVolumes(stage);
    for (let left = ms; left > 0; left -= 1000) {
      await clock.advance(1000);
      await stage.settle();
    }
  };
  for (const one of scenario.pending) {
    await create(stage, 'pods', one);
    await pass(1000);
    if (!scenario.hold) await removeVictims(stage);
  }
  const before = attempts;
  const decisions = scenario.pending.map(
    ({ n, spec }) => seen.get(n) ?? { reason: isGated(spec) ? 'SchedulingGated' : 'none' },
  );
  for (const step of scenario.then ?? []) await take(stage, step);
  await pass(3000);
  const pods = await Promise.all(
    scenario.pending.map(({ n, ns = 'ns-a' }) => stage.get('pods', `${ns}/${n}`)),
  );
  const bound = pods.map((pod) => (pod as Pod | undefined)?.spec.nodeName ?? null);
  return { decisions, tried: attempts > before, bound };
}

function isGated(spec: unknown): boolean {
  const { schedulingGates } = (spec ?? {}) as { schedulingGates?: readonly unknown[] };
  return Boolean(schedulingGates?.length);
}

async function create(stage: Stage, kind: string, short: Short): Promise<void> {
  await stage.create(kinds[kind]![0], expand(kind, short, stage));
}

async function take(stage: Stage, { op, k, n, o, b, type, sub }: Step): Promise<void> {
  const [plural, isNamespaced] = kinds[k]!;
  const key = isNamespaced ? `ns-a/${n}` : (n ?? '');
  if (op === 'create' && o) await create(stage, k, o);
  else if (op === 'delete') await stage.remove(plural, key);
  else await stage.patch(plural, key, { body: b, type, subresource: sub });
}

async function removeVictims(stage: Stage): Promise<void> {
  for (const { metadata } of await stage.all('pods'))
    if (metadata.deletionTimestamp)
      await stage.remove('pods', `${metadata.namespace}/${metadata.name}`);
  await stage.settle();
}

/** The volume controller's part: claims get the volumes promised to them, or new ones. */
async function completeVolumes(stage: Stage): Promise<void> {
  const bind = async ({ metadata }: PersistentVolumeClaim, volumeName: string): Promise<void> => {
    const key = `${metadata.namespace}/${metadata.name}`;
    const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
    const body = { metadata: { annotations }, spec: { volumeName } };
    await stage.patch('persistentvolumeclaims', key, { body });
    const status = { body: { status: { phase: 'Bound' } }, subresource: 'status' };
    await stage.patch('persistentvolumeclaims', key, status);
  };
  for (const volume of (await stage.all('persistentvolumes')) as readonly PersistentVolume[]) {
    const { namespace, name } = volume.spec?.claimRef ?? {};
    if (!name) continue;
    const claim = (await stage.get('persistentvolumeclaims', `${namespace}/${name}`)) as
      | PersistentVolumeClaim
      | undefined;
    if (claim && !claim.spec?.volumeName) await bind(claim, volume.metadata.name);
  }
  const claims = (await stage.all('persistentvolumeclaims')) as readonly PersistentVolumeClaim[];
  for (const claim of claims) {
    const selected = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'];
    if (!selected || claim.spec?.volumeName) continue;
    const name = `made-${claim.metadata.name}`;
    const spec = {
      capacity: claim.spec?.resources?.requests,
      accessModes: claim.spec?.accessModes,
      hostPath: { path: '/made' },
    };
    await stage.create('persistentvolumes', { metadata: { name }, spec } as never);
    await bind(claim, name);
  }
}

function observe(decision: Decision): Observed {
  const { feasible, refusals, everywhere, scores, node, failure, preFilters } = decision;
  if (!preFilters) return { reason: failure?.reason ?? '' };
  const refused: Record<string, readonly string[]> = {};
  const unresolvable: string[] = [];
  for (const [index, info] of refusals.nodes.entries()) {
    const verdict = refusals.verdicts[index]!;
    refused[info.name] = [verdict.plugin, ...otherRefusals(decision, info, verdict.plugin)];
    if (verdict.code === 'UnschedulableAndUnresolvable') unresolvable.push(info.name);
  }
  if (!everywhere && preFilters.nodeNames) {
    for (const info of leftOut(decision)) {
      refused[info.name] = ['*', ...otherRefusals(decision, info, '')];
      unresolvable.push(info.name);
    }
  }
  return {
    ...(feasible.length > 0 && { feasible: feasible.map(({ name }) => name) }),
    ...(Object.keys(refused).length > 0 && { refused }),
    ...(unresolvable.length > 0 && { unres: unresolvable }),
    ...(everywhere && { pre: everywhere.plugin, unres: true as const }),
    ...(scores && {
      scores: Object.fromEntries(
        scores.plugins.map(({ plugin, raw, normalized }) => [
          plugin,
          { raw: [...raw], norm: [...normalized] },
        ]),
      ),
      total: [...scores.totals],
    }),
    ...(node && { chosen: node.name }),
    ...(failure && {
      reason: failure.reason,
      message: failure.message,
      plugins: [...failure.plugins].sort(),
      post: decision.postFilter ?? '',
    }),
    ...(decision.victims && {
      nominated: decision.nominated?.nodeName ?? '',
      victims: decision.victims.map(({ name }) => name).sort(),
    }),
  };
}

type NodeOf = Decision['feasible'][number];

function otherRefusals({ preFilters, pod }: Decision, node: NodeOf, first: string): string[] {
  const others: string[] = [];
  for (const { plugin, state } of preFilters?.filters ?? [])
    if (plugin.name !== first && plugin.filter?.(state, pod, node)) others.push(plugin.name);
  return others;
}

function leftOut({ preFilters, nodes }: Decision): readonly NodeOf[] {
  return nodes.filter(({ name }) => !preFilters?.nodeNames?.has(name));
}

/** The same numbers on every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}
