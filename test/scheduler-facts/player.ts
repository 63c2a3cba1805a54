import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import type { Decision } from '#main/control-plane/scheduler/cycle.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
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

/** Plays one scenario against a whole scheduler on an API server in memory. */
export async function play(scenario: Scenario): Promise<Played> {
  const clock = new FakeClock(Date.UTC(2026, 0, 2));
  const api = new FakeApi();
  for (const one of namespaces)
    api.put('namespaces', { metadata: { name: one.n, labels: one.l } } as never);
  for (const kind of Object.keys(kinds)) {
    const objects = (scenario as unknown as Record<string, readonly Short[] | undefined>)[kind];
    for (const one of objects ?? []) create(api, kind, one);
  }
  const seen = new Map<string, Observed>();
  let attempts = 0;
  await using scheduler = startScheduler({
    cluster: createCluster(api),
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
  await settle();
  await scheduler.ready;
  for (const one of scenario.pending) {
    create(api, 'pods', one);
    await settle();
    completeVolumes(api);
    await clock.advance(1000);
    if (!scenario.hold) await removeVictims(api);
  }
  const before = attempts;
  const decisions = scenario.pending.map(
    ({ n, spec }) => seen.get(n) ?? { reason: isGated(spec) ? 'SchedulingGated' : 'none' },
  );
  for (const step of scenario.then ?? []) take(api, step);
  await settle();
  completeVolumes(api);
  await clock.advance(3000);
  return {
    decisions,
    tried: attempts > before,
    bound: scenario.pending.map(
      ({ n, ns = 'ns-a' }) =>
        (api.get('pods', `${ns}/${n}`) as Pod | undefined)?.spec.nodeName ?? null,
    ),
  };
}

function isGated(spec: unknown): boolean {
  const { schedulingGates } = (spec ?? {}) as { schedulingGates?: readonly unknown[] };
  return Boolean(schedulingGates?.length);
}

function create(api: FakeApi, kind: string, short: Short): void {
  api.put(kinds[kind]![0], expand(kind, short));
}

function take(api: FakeApi, { op, k, n, o, b, type }: Step): void {
  const [plural, isNamespaced] = kinds[k]!;
  const key = isNamespaced ? `ns-a/${n}` : (n ?? '');
  if (op === 'create' && o) create(api, k, o);
  else if (op === 'delete') api.remove(plural, key);
  else api.patch(plural, key, b, type);
}

async function removeVictims(api: FakeApi): Promise<void> {
  for (const { metadata } of api.all('pods'))
    if (metadata.deletionTimestamp) api.remove('pods', `${metadata.namespace}/${metadata.name}`);
  await settle();
}

/** The volume controller's part: claims get the volumes promised to them, or new ones. */
function completeVolumes(api: FakeApi): void {
  const bind = ({ metadata }: PersistentVolumeClaim, volumeName: string): void =>
    void api.patch('persistentvolumeclaims', `${metadata.namespace}/${metadata.name}`, {
      metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
      spec: { volumeName },
      status: { phase: 'Bound' },
    });
  for (const volume of api.all('persistentvolumes') as readonly PersistentVolume[]) {
    const { namespace, name } = volume.spec?.claimRef ?? {};
    const claim = api.get('persistentvolumeclaims', `${namespace}/${name}`) as
      | PersistentVolumeClaim
      | undefined;
    if (claim && !claim.spec?.volumeName) bind(claim, volume.metadata.name);
  }
  for (const claim of api.all('persistentvolumeclaims') as readonly PersistentVolumeClaim[]) {
    const selected = claim.metadata.annotations?.['volume.kubernetes.io/selected-node'];
    if (!selected || claim.spec?.volumeName) continue;
    const name = `made-${claim.metadata.name}`;
    api.put('persistentvolumes', {
      metadata: { name },
      spec: {},
      status: { phase: 'Bound' },
    } as never);
    bind(claim, name);
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
