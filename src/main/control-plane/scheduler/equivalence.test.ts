import { expect, test } from 'vitest';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { ClaimLedger } from './claim-ledger.ts';
import { SchedulingCycle, type Decision } from './cycle.ts';
import { ObjectMap, type Listers } from './listers.ts';
import { Nominator } from './nominator.ts';
import { PodInfo } from './pod-info.ts';
import type { PluginContext } from './plugin.ts';
import { createProfile } from './profile.ts';
import { Snapshot } from './snapshot.ts';

const random = seeded(11);
const pick = <T>(list: readonly T[]): T => list[Math.trunc(random() * list.length)]!;
const hostname = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';
const web = { matchLabels: { app: 'web' } };

const shapes: readonly Partial<Pod['spec']>[] = [
  {},
  { nodeSelector: { disk: 'ssd' } },
  { tolerations: [{ operator: 'Exists' }] },
  { priority: 10 },
  {
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', labelSelector: web },
      {
        maxSkew: 1,
        topologyKey: hostname,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: web,
      },
    ],
  },
  {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: web, topologyKey: hostname },
        ],
      },
    },
  },
  {
    affinity: {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 10, podAffinityTerm: { labelSelector: web, topologyKey: zone } },
        ],
      },
    },
  },
];

test('what is remembered of equal pods never differs from what is found out anew', () => {
  const snapshot = new Snapshot();
  const nominations = new Nominator();
  const pods = new ObjectMap<Pod>();
  const profile = createProfile(contextFor(snapshot, nominations, pods));
  const options = { snapshot, nominations, random: () => 0, percentageOfNodesToScore: 100 };
  const remembering = new SchedulingCycle(options);
  for (let step = 0; step < 800; step++) {
    change(snapshot, nominations);
    const pod = new PodInfo(podOf(`pending-${step}`, pick(shapes)));
    pods.set(pod.pod);
    const known = remembering.schedule(profile, pod);
    const fresh = new SchedulingCycle(options).schedule(profile, pod);
    expect(outcome(known)).toEqual(outcome(fresh));
    if (known.node && random() < 0.7) snapshot.addPod(pod, known.node.name);
    else if (random() < 0.2)
      nominations.add(pod, { nodeName: `node-${Math.trunc(random() * 12)}` });
  }
});

/** What counts of a decision, in an order that does not depend on where the search began. */
function outcome({ feasible, refusals, scores, failure, victims }: Decision): unknown {
  return {
    failure: failure?.message,
    victims: victims?.length,
    totals: new Map(
      feasible.map(({ name }, index) => [name, scores?.totals[index]] as const).sort(byName),
    ),
    refused: new Map(
      refusals.nodes
        .map(({ name }, index) => [name, refusals.verdicts[index]!.reasons.join()] as const)
        .sort(byName),
    ),
  };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Something happens to the cluster. */
function change(snapshot: Snapshot, nominations: Nominator): void {
  const name = `node-${Math.trunc(random() * 12)}`;
  const kind = random();
  if (kind < 0.3) snapshot.setNode(nodeOf(name));
  else if (kind < 0.34) snapshot.removeNode(name);
  else if (kind < 0.6) {
    const gone = pick([...snapshot.pods(), undefined]);
    if (gone) snapshot.removePod(gone.uid);
  } else if (kind < 0.65) nominations.delete(pick(nominations.on(name))?.uid ?? '');
}

function nodeOf(name: string): Node {
  const labels = { [hostname]: name, [zone]: pick(['a', 'b']), disk: pick(['ssd', 'hdd']) };
  const amounts = { cpu: pick(['1', '2']), memory: '4Gi', pods: '110' };
  const taints =
    random() < 0.2 ? [{ key: 'x', effect: pick(['NoSchedule', 'PreferNoSchedule']) }] : [];
  return {
    metadata: { name, labels },
    spec: { taints, unschedulable: random() < 0.1 },
    status: { allocatable: amounts },
  } as unknown as Node;
}

function podOf(name: string, spec: Partial<Pod['spec']>): Pod {
  const requests = { cpu: pick(['200m', '500m']), memory: '256Mi' };
  const labels = { app: pick(['web', 'db']) };
  return {
    metadata: { name, namespace: 'default', uid: name, labels },
    spec: { ...spec, containers: [{ name: 'c', image: 'i', resources: { requests } }] },
    status: {},
  } as unknown as Pod;
}

function contextFor(
  snapshot: Snapshot,
  nominations: Nominator,
  pods: Listers['pods'],
): PluginContext {
  const none = new ObjectMap<never>([], { namespace: () => [], class: () => [], node: () => [] });
  const listers = new Proxy({ pods } as unknown as Listers, {
    get: (target, kind) => (kind === 'pods' ? target.pods : none),
  });
  return {
    snapshot,
    listers,
    nominations,
    clock: new FakeClock(),
    log: silentLog,
    random: () => 0,
    claimLedger: new ClaimLedger(none),
    preemptions: { start: () => {}, areUnderWayFor: () => false },
  } as unknown as PluginContext;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}
