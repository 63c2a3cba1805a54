import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import type { Node, Pod } from '#shared/api/types/core-v1.ts';
import { createLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { FakeApi } from '../test/scheduler-facts/fake-api.ts';

/**
 * Pods per second from creation to binding, against an API server in memory, so that the scheduler
 * alone is measured. Workloads, templates and the figures to beat are those of upstream's
 * scheduler_perf; `PILOTHOUSE_BENCH_ONLY` picks workloads by name.
 */
interface Workload {
  readonly name: string;
  readonly nodes: number;
  /** Bound before the clock starts. */
  readonly initial: number;
  readonly pods: number;
  /** Upstream's threshold, pods per second. */
  readonly rival: number;
  node?(index: number): Partial<Node['metadata']>;
  initialPod?(index: number): PodParts;
  pod(index: number): PodParts;
  /** Pods that can never be scheduled, which stay in the way. */
  readonly hopeless?: number;
}

interface PodParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Pod['spec']>;
  readonly cpu?: string;
  readonly memory?: string;
}

const zone = 'topology.kubernetes.io/zone';
const hostname = 'kubernetes.io/hostname';
const inZones = (index: number) => ({ labels: { [zone]: `zone-${index % 3}` } });
const color = (value: string) => ({ matchLabels: { color: value } });

const workloads: readonly Workload[] = [
  {
    name: 'SchedulingBasic',
    nodes: 5000,
    initial: 1000,
    pods: 10_000,
    rival: 680,
    pod: () => ({}),
  },
  {
    name: 'TopologySpreading',
    nodes: 5000,
    initial: 5000,
    pods: 5000,
    rival: 460,
    node: inZones,
    pod: () => ({
      labels: { color: 'blue' },
      spec: {
        topologySpreadConstraints: [
          {
            maxSkew: 5,
            topologyKey: zone,
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: color('blue'),
          },
        ],
      },
    }),
  },
  {
    name: 'SchedulingPodAntiAffinity',
    nodes: 5000,
    initial: 1000,
    pods: 2000,
    rival: 60,
    initialPod: antiAffine,
    pod: antiAffine,
  },
  {
    name: 'SchedulingPodAffinity',
    nodes: 5000,
    initial: 5000,
    pods: 5000,
    rival: 35,
    node: () => ({ labels: { [zone]: 'zone1' } }),
    initialPod: affine,
    pod: affine,
  },
  {
    name: 'PreemptionAsync',
    nodes: 5000,
    initial: 20_000,
    pods: 5000,
    rival: 570,
    initialPod: () => ({ cpu: '900m' }),
    pod: () => ({ cpu: '3000m', spec: { priority: 10 } }),
  },
  {
    name: 'Unschedulable',
    nodes: 5000,
    initial: 0,
    pods: 10_000,
    rival: 600,
    hopeless: 20_000,
    pod: () => ({}),
  },
];

function antiAffine(): PodParts {
  return {
    labels: { color: 'green' },
    spec: {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: color('green'), topologyKey: hostname },
          ],
        },
      },
    },
  };
}

function affine(): PodParts {
  return {
    labels: { color: 'blue' },
    spec: {
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: color('blue'), topologyKey: zone },
          ],
        },
      },
    },
  };
}

function nodeOf(index: number, metadata: Partial<Node['metadata']> = {}): Node {
  const name = `node-${index}`;
  const amounts = { cpu: '4', memory: '32Gi', pods: '110' };
  return {
    metadata: { ...metadata, name, labels: { [hostname]: name, ...metadata.labels } },
    spec: {},
    status: {
      allocatable: amounts,
      capacity: amounts,
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  } as unknown as Node;
}

function podOf(name: string, { labels, spec, cpu = '100m', memory = '500Mi' }: PodParts): Pod {
  const amounts = { cpu, memory };
  return {
    metadata: { name, namespace: 'default', uid: name, ...(labels && { labels }) },
    spec: {
      schedulerName: 'default-scheduler',
      priority: 0,
      containers: [
        {
          name: 'pause',
          image: 'registry.k8s.io/pause:3.10.1',
          ports: [{ containerPort: 80 }],
          resources: { requests: amounts, limits: amounts },
        },
      ],
      ...spec,
    },
    status: { phase: 'Pending' },
  } as unknown as Pod;
}

interface Speed {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

async function run(workload: Workload): Promise<Speed> {
  const api = new FakeApi();
  for (let index = 0; index < workload.nodes; index++)
    api.put('nodes', nodeOf(index, workload.node?.(index)));
  const counter = { bound: 0 };
  await using scheduler = startScheduler({
    cluster: createCluster(api),
    clock: systemClock,
    log: createLog(({ level, sentence, fields }) => console.error(level, sentence, fields)),
    recordEvent({ reason }) {
      if (reason === 'Scheduled') counter.bound++;
      if (reason === 'Preempted') evict(api);
    },
  });
  await scheduler.ready;
  const until = async (count: number): Promise<void> => {
    while (counter.bound < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  for (let index = 0; index < workload.initial; index++)
    api.put('pods', podOf(`initial-${index}`, (workload.initialPod ?? (() => ({})))(index)));
  await until(workload.initial);
  for (let index = 0; index < (workload.hopeless ?? 0); index++)
    api.put('pods', podOf(`hopeless-${index}`, { cpu: '9' }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const start = performance.now();
  const cpu = process.cpuUsage();
  for (let index = 0; index < workload.pods; index++)
    api.put('pods', podOf(`pod-${index}`, workload.pod(index)));
  await until(workload.initial + workload.pods);
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (workload.pods * 1000) / (performance.now() - start),
    perCpuSecond: (workload.pods * 1_000_000) / (user + system),
  };
}

/** The kubelet's part: pods that are to go, go. */
function evict(api: FakeApi): void {
  for (const key of api.terminating.splice(0)) api.remove('pods', key);
}

const only = process.env['PILOTHOUSE_BENCH_ONLY'];
for (const workload of workloads) {
  if (only && !workload.name.includes(only)) continue;
  const { perSecond, perCpuSecond } = await run(workload);
  const ratio = (perSecond / workload.rival).toFixed(1);
  console.log(
    `${workload.name} ${workload.nodes} nodes ${workload.pods} pods: ` +
      `${Math.round(perSecond)} pods/s (${Math.round(perCpuSecond)} per CPU second), ` +
      `${ratio} × kube-scheduler's ${workload.rival}`,
  );
}
process.exit(0);
