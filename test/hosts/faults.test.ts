import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployments } from '#shared/api/apps/deployment.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { events } from '#shared/api/core/event.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import type { Host } from '../support/hosts/host.ts';
import { startNodeCluster, type NodeCluster } from '../support/hosts/node-cluster.ts';
import { orphansOn } from '../support/hosts/orphans.ts';
import { busyboxImage } from '../support/kubelet/images.ts';
import { startChurn, type Churn } from '../support/load/churn.ts';
import { startLoad, type Load, type Tally } from '../support/load/index.ts';

/** What goes wrong with machines and programs, while pods serve and others come and go. */

const seconds = 1000;
const minutes = 60 * seconds;
const slow = { timeout: 2 * minutes, interval: 250 };
const namespace = 'default';

const stack = new AsyncDisposableStack();
let world: NodeCluster;
let one: Host;
let other: Host;
/** From outside, to a port of the first machine: the services' endpoints are on both. */
let load: Load;
let target: string;
let churn: Churn;

beforeAll(async () => {
  world = stack.use(await startNodeCluster({ machines: 2, entry: 'test/support/leaping-up.ts' }));
  [one, other] = world.machines as [Host, Host];
}, 10 * minutes);
afterAll(() => stack.disposeAsync());

const servers = 4;
/** Ends when it is asked to: a machine that is shut down waits for that. */
const untilAsked = (program: string): string => `trap 'exit 0' TERM; ${program} & wait`;
const serve = `mkdir -p /www; hostname >/www/index.html; ${untilAsked('httpd -f -p 8080 -h /www')}`;
const volumes = [
  { name: 'words', configMap: { name: 'words' } },
  { name: 'hidden', secret: { secretName: 'hidden' } },
  { name: 'scratch', emptyDir: { medium: 'Memory' } },
];
const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/mnt/${name}` }));
const container = { name: 'c', image: busyboxImage, resources: {}, volumeMounts };

/** Pods of one machine. */
function serving(machine: string) {
  const name = `web-${machine}`;
  const labels = { app: 'web', on: machine };
  const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
  const own = { ...container, command: ['sh', '-c', serve], readinessProbe };
  return {
    metadata: { name, namespace },
    spec: {
      replicas: servers / 2,
      strategy: {},
      selector: { matchLabels: { on: machine } },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': machine },
          terminationGracePeriodSeconds: 1,
          containers: [own],
          volumes,
        },
      },
    },
  };
}

/** Unlike the others, it does not want to wait for a machine that is out of reach. */
const impatient: New<Pod> = {
  metadata: { name: 'impatient', namespace },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': 'h2' },
    terminationGracePeriodSeconds: 1,
    containers: [{ ...container, command: ['sh', '-c', untilAsked('sleep 100000')] }],
    tolerations: [
      {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 5,
      },
    ],
    volumes,
  },
};

/** Some end by themselves, some are ended. */
function passing(name: string): New<Pod> {
  const odd = Number(name.split('-')[1]) % 2 === 1;
  const script = odd ? 'cat /mnt/*/*; sleep 1' : untilAsked('sleep 1000');
  return {
    metadata: { name, namespace, labels: { app: 'passing' } },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      containers: [{ ...container, command: ['sh', '-c', script] }],
      volumes,
    },
  };
}

interface Life {
  readonly uid: string;
  readonly on: string;
  readonly restarts: number;
  readonly isReady: boolean;
}

/** How the pods that serve are, by name. */
async function lives(): Promise<Readonly<Record<string, Life>>> {
  const { items } = await world.cluster.list(pods, { namespace, labelSelector: 'app=web' });
  return Object.fromEntries(
    items.map(({ metadata, spec, status }) => [
      metadata.name,
      {
        uid: metadata.uid,
        on: spec.nodeName ?? '',
        restarts: status.containerStatuses?.[0]?.restartCount ?? -1,
        isReady:
          metadata.deletionTimestamp === undefined &&
          (status.conditions?.some(({ type, status: now }) => type === 'Ready' && now === 'True') ??
            false),
      },
    ]),
  );
}

/** The same pods, all ready; those of one machine with so many restarts more. */
function after(
  before: Readonly<Record<string, Life>>,
  restarted?: { readonly machine: string; readonly times: number },
): Readonly<Record<string, Life>> {
  return Object.fromEntries(
    Object.entries(before).map(([name, life]) => [
      name,
      {
        ...life,
        isReady: true,
        restarts: life.restarts + (life.on === restarted?.machine ? restarted.times : 0),
      },
    ]),
  );
}

/** Of each node. */
async function readiness(): Promise<Readonly<Record<string, string>>> {
  const { items } = await world.cluster.list(nodes);
  return Object.fromEntries(
    items.map(({ metadata, status, spec }) => {
      const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'none';
      return [metadata.name, [ready, ...(spec.taints ?? []).map(({ key }) => key)].join(' ')];
    }),
  );
}

const bothReady = { h1: 'True', h2: 'True' };

/** The services lead to nothing but what answers. */
async function answersAgain(): Promise<void> {
  const lostOfSome = async (): Promise<Tally['lost']> => {
    await using some = startLoad({ target, rate: 50 });
    await expect.poll(() => some.tally().answered, slow).toBeGreaterThan(100);
    return (await some.stop()).lost;
  };
  await expect.poll(lostOfSome, slow).toEqual([]);
}

/** What was lost of the steady load that was asked for since then. */
async function lostSince(at: number): Promise<Tally['lost']> {
  const { answered } = load.tally();
  // The load tells every second.
  await expect.poll(() => load.tally().answered, slow).toBeGreaterThan(answered + 100);
  return load.tally().lost.filter((one) => one.at > at);
}

/** New pods come and go again on each machine. */
async function churnsAgain(): Promise<void> {
  const from = churn.made();
  const running = async (): Promise<string[]> => {
    const { items } = await world.cluster.list(pods, { namespace, labelSelector: 'app=passing' });
    const fresh = items.filter(({ metadata, status }) => {
      const number = Number(metadata.name.split('-')[1]);
      return number >= from && status.phase !== 'Pending';
    });
    return [...new Set(fresh.map(({ spec }) => spec.nodeName ?? ''))].toSorted();
  };
  await expect.poll(running, slow).toEqual(['h1', 'h2']);
}

test(
  'pods serve on two machines, and others come and go',
  async () => {
    const { cluster } = world;
    await cluster.create(configMaps, { metadata: { name: 'words', namespace }, data: { a: 'b' } });
    await cluster.create(secrets, { metadata: { name: 'hidden', namespace }, data: { c: 'ZA==' } });
    for (const { name } of world.machines) await cluster.create(deployments, serving(name));
    await cluster.create(pods, impatient);
    const { spec } = await cluster.create(services, {
      metadata: { name: 'web', namespace },
      spec: {
        type: 'NodePort',
        selector: { app: 'web' },
        ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      },
    });
    const ready = async (): Promise<number> =>
      Object.values(await lives()).filter(({ isReady }) => isReady).length;
    await expect.poll(ready, slow).toBe(servers);
    target = `${one.address}:${spec.ports![0]!.nodePort}`;
    await expect.poll(() => one.execute(`curl -sS ${target}`), slow).toMatchObject({ code: 0 });
    load = stack.use(startLoad({ target, rate: 50 }));
    churn = startChurn({ cluster, namespace, everyMs: seconds, kept: 6, podOf: passing });
    await churnsAgain();
  },
  5 * minutes,
);

test.each([
  { what: 'the agent', command: 'systemctl kill -s KILL --kill-who=main pilothouse-agent' },
  { what: 'containerd', command: 'systemctl kill -s KILL --kill-who=main containerd' },
])(
  'kill -9 of $what: no request is lost, no pod is started anew',
  async ({ command }) => {
    const before = await lives();
    const startedAt = Date.now();
    for (const machine of world.machines) await machine.run(command);
    await churnsAgain();
    await expect.poll(lives, slow).toEqual(after(before));
    await expect.poll(readiness, slow).toEqual(bothReady);
    await answersAgain();
    expect(await lostSince(startedAt)).toEqual([]);
  },
  4 * minutes,
);

test(
  'kill -9 of the control plane: no request is lost, no pod is started anew',
  async () => {
    const before = await lives();
    const startedAt = Date.now();
    await world.killPlane();
    await world.startPlane();
    await churnsAgain();
    await expect.poll(lives, slow).toEqual(after(before));
    await expect.poll(readiness, slow).toEqual(bothReady);
    await answersAgain();
    expect(await lostSince(startedAt)).toEqual([]);
  },
  4 * minutes,
);

test(
  'a power cut: the pods of that machine come back as themselves, started once more',
  async () => {
    const before = await lives();
    await other.powerCut();
    await other.start();
    await expect.poll(lives, slow).toEqual(after(before, { machine: 'h2', times: 1 }));
    await expect.poll(readiness, slow).toEqual(bothReady);
    await churnsAgain();
    await answersAgain();
  },
  4 * minutes,
);

test(
  'a reboot while the control plane is away: pods come back from what is remembered',
  async () => {
    const before = await lives();
    await world.killPlane();
    await other.reboot();
    const running = async (): Promise<number> =>
      Number((await other.run('pgrep -c httpd || true')).trim());
    await expect.poll(running, slow).toBe(servers / 2);
    // Nobody can be told of new addresses now.
    await answersAgain();
    await world.startPlane();
    await expect.poll(lives, slow).toEqual(after(before, { machine: 'h2', times: 1 }));
    await churnsAgain();
    await answersAgain();
  },
  5 * minutes,
);

test(
  'a cable that is out until its machine is given up: who has time stays, and the machine comes back',
  async () => {
    const before = await lives();
    await other.setCable('pulled');
    try {
      await cutOff(before);
    } finally {
      await other.setCable('plugged');
    }
    await expect.poll(readiness, slow).toEqual(bothReady);
    const restarts = async (): Promise<number[]> =>
      Object.values(await lives())
        .filter(({ on, isReady }) => on === 'h2' && isReady)
        .map((life) => life.restarts)
        .toSorted((a, b) => a - b);
    const had = Object.values(before).find(({ on }) => on === 'h2')!.restarts;
    await expect.poll(restarts, slow).toEqual([had, had + 1]);
    const names = async (): Promise<string[]> => {
      const { items } = await world.cluster.list(pods, { namespace });
      return items.map(({ metadata }) => metadata.name);
    };
    await expect.poll(names, slow).not.toContain('impatient');
    await churnsAgain();
    await answersAgain();
  },
  6 * minutes,
);

/** Without the other machine until all that was said of it has come about. */
async function cutOff(before: Readonly<Record<string, Life>>): Promise<void> {
  await expect
    .poll(readiness, slow)
    .toMatchObject({ h1: 'True', h2: expect.stringContaining('Unknown node.kubernetes.io') });
  await answersAgain();
  const answeredAt = Date.now();
  // What happens meanwhile out there is known later.
  await other.run('pkill -o httpd');
  const isEvicted = async (): Promise<boolean> => {
    const pod = await world.cluster.get(pods, { namespace, name: 'impatient' });
    return pod.metadata.deletionTimestamp !== undefined;
  };
  await expect.poll(isEvicted, slow).toBe(true);
  expect(await lostSince(answeredAt)).toEqual([]);
  const silent = Object.entries(before).map(([name, life]) => [
    name,
    { ...life, isReady: life.on === 'h1' },
  ]);
  expect(await lives()).toEqual(Object.fromEntries(silent));
}

test(
  'an hour of sleep of the control plane: nodes stay Ready, and nothing is evicted',
  async () => {
    const before = await lives();
    const since = await transitions();
    const startedAt = Date.now();
    const { process: plane } = world.plane();
    plane.kill('SIGSTOP');
    plane.stdin!.write(String(60 * minutes));
    plane.kill('SIGCONT');
    await churnsAgain();
    // By then whatever may be said of nodes that seem to have been silent for an hour has been said.
    const renewed = await renewals();
    for (const name of ['h1', 'h2']) {
      const again = async (): Promise<boolean> => (await renewals())[name] !== renewed[name];
      await expect.poll(again, slow).toBe(true);
    }
    expect([await readiness(), await transitions()]).toEqual([bothReady, since]);
    expect(await lives()).toEqual(after(before));
    expect(await lostSince(startedAt)).toEqual([]);
  },
  4 * minutes,
);

/** When nodes last said that they live. */
async function renewals(): Promise<Readonly<Record<string, string | undefined>>> {
  const { items } = await world.cluster.list(leases, { namespace: 'kube-node-lease' });
  return Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec.renewTime]));
}

/** Since when nodes are as they are. */
async function transitions(): Promise<readonly (string | undefined)[]> {
  const { items } = await world.cluster.list(nodes);
  return items.map(
    ({ status }) => status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime,
  );
}

test(
  'after all that nothing is left of pods that are gone, and nobody was evicted but the impatient',
  async () => {
    await churn.stop();
    const passed = { namespace, labelSelector: 'app=passing' };
    const left = async () => (await world.cluster.list(pods, passed)).items;
    await expect.poll(left, slow).toEqual([]);
    const all = (await world.cluster.list(pods)).items;
    for (const machine of world.machines)
      await expect.poll(() => orphansOn(machine, all), slow).toEqual([]);
    const { items } = await world.cluster.list(events, { namespace });
    const evictions = items.filter(({ reason }) => reason === 'TaintManagerEviction');
    const messages = evictions.map(({ message = '' }) => message);
    // Those who had time are told that it is over with the danger.
    const marked = messages.filter((message) => !message.startsWith('Cancelling deletion of Pod'));
    expect([...new Set(marked)]).toEqual(['Marking for deletion Pod default/impatient']);
  },
  5 * minutes,
);
