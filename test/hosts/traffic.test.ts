import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployments } from '#shared/api/apps/deployment.ts';
import { pods } from '#shared/api/core/pod.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod, Probe } from '#shared/api/types/core-v1.ts';
import type { Host } from '../support/hosts/host.ts';
import { startNodeCluster, type NodeCluster } from '../support/hosts/node-cluster.ts';
import { execute } from '../support/hosts/shell.ts';
import { busyboxImage } from '../support/kubelet/images.ts';
import { startLoad } from '../support/load/index.ts';

const minutes = 60_000;
const slow = { timeout: 2 * minutes, interval: 250 };
const namespace = 'default';
const clusterDns = '10.96.0.10';

let nodes: NodeCluster;
beforeAll(async () => {
  nodes = await startNodeCluster({ machines: 2 });
}, 10 * minutes);
afterAll(() => nodes?.[Symbol.asyncDispose]());

/** Serves its own name, and what it is told. */
const serve = 'mkdir -p /www; hostname >/www/index.html; httpd -f -p 8080 -h /www';
const readinessProbe: Probe = {
  httpGet: { path: '/', port: 8080 },
  periodSeconds: 1,
};

function server(name: string, spec: Partial<Pod['spec']>) {
  const container = { name: 'server', image: busyboxImage, resources: {}, readinessProbe };
  return {
    metadata: { name, namespace, labels: { app: name } },
    spec: { containers: [{ ...container, command: ['sh', '-c', serve] }], ...spec },
  };
}

const ports = [{ port: 80, targetPort: 8080, protocol: 'TCP' as const }];

function service(app: string, type: 'ClusterIP' | 'NodePort') {
  const metadata = { name: serviceOf(app), namespace };
  return { metadata, spec: { type, selector: { app }, ports } };
}

/** A pod's own name leads to itself, inside it. */
const serviceOf = (app: string): string => `${app}-service`;

async function isReady(name: string): Promise<boolean> {
  const { status } = await nodes.cluster.get(pods, { namespace, name });
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True';
}

/** What each URL answers, asked one after the other with the program that is there. */
function script(program: 'wget' | 'curl', urls: Readonly<Record<string, string>>): string {
  const ask = program === 'wget' ? 'wget -q -O - ' : 'curl -sS -m 10 ';
  const lines = Object.entries(urls).map(([what, url]) => `echo "${what}: $(${ask}${url} 2>&1)"`);
  return lines.join('\n');
}

const answers = (out: string): string[] => out.trim().split('\n');

test(
  'pods on two hosts are reached by address, service, name and port: from pods, nodes and outside',
  async () => {
    const { cluster, machines, kubectl } = nodes;
    const names = machines.map(({ name }) => `on-${name}`);
    for (const { name } of machines) {
      const on = { 'kubernetes.io/hostname': name };
      await cluster.create(pods, server(`on-${name}`, { nodeSelector: on }));
      await cluster.create(services, service(`on-${name}`, 'NodePort'));
      // A pod in its node's own network, which asks the cluster for names all the same.
      const dnsPolicy = 'ClusterFirstWithHostNet';
      const own = server(`of-${name}`, { nodeSelector: on, hostNetwork: true, dnsPolicy });
      await cluster.create(pods, own);
    }
    const all = machines.flatMap(({ name }) => [`on-${name}`, `of-${name}`]);
    await expect.poll(() => Promise.all(all.map(isReady)), slow).toEqual(all.map(() => true));

    const inside: Record<string, string> = {};
    const byName: Record<string, string> = {};
    const outside: Record<string, string> = {};
    for (const name of names) {
      const pod = await cluster.get(pods, { namespace, name });
      const { spec } = await cluster.get(services, { namespace, name: serviceOf(name) });
      inside[`${name} by its address`] = `http://${pod.status.podIP}:8080`;
      inside[`${name} by its service`] = `http://${spec.clusterIP}`;
      for (const suffix of ['', '.default', '.default.svc.cluster.local'])
        byName[`${name} by its name${suffix}`] = `http://${serviceOf(name)}${suffix}`;
      for (const { address } of machines) {
        const port = String(spec.ports?.[0]?.nodePort);
        outside[`${name} by a port of ${address}`] = `http://${address}:${port}`;
      }
    }
    const wanted = (urls: object): string[] =>
      Object.keys(urls).map((what) => `${what}: ${what.split(' ')[0]}`);
    const fromPod = async (name: string): Promise<string[]> => {
      const ask = script('wget', { ...inside, ...byName, ...outside });
      const { stdout, stderr } = await kubectl(['exec', name, '--', 'sh', '-c', ask]);
      return answers(stdout || stderr);
    };
    const fromNode = async (host: Host): Promise<string[]> =>
      answers(await host.run(script('curl', { ...inside, ...outside })));
    const fromOutside = async (): Promise<string[]> =>
      answers((await execute('sh', ['-c', script('curl', outside)])).out);

    const everything = { ...inside, ...byName, ...outside };
    const seen = await Promise.all([
      ...all.map(async (name) => [`pod ${name}`, await fromPod(name)]),
      ...machines.map(async (host) => [`node ${host.name}`, await fromNode(host)]),
      fromOutside().then((found) => ['outside', found]),
    ]);
    expect(Object.fromEntries(seen)).toEqual({
      ...Object.fromEntries(all.map((name) => [`pod ${name}`, wanted(everything)])),
      ...Object.fromEntries(
        machines.map(({ name }) => [`node ${name}`, wanted({ ...inside, ...outside })]),
      ),
      outside: wanted(outside),
    });
  },
  4 * minutes,
);

test('routes to each other do not keep nodes from being looked at a second time', async () => {
  const [machine] = nodes.machines;
  expect(await nodes.add(machine!)).toBe(
    `Node ${machine!.name} is ready: nothing had to be changed\n`,
  );
});

test(
  'a rule set that somebody has flushed comes back, DNS and all',
  async () => {
    const { cluster, machines, kubectl } = nodes;
    const [host] = machines;
    const { spec } = await cluster.get(services, { namespace, name: serviceOf('on-h2') });
    const port = String(spec.ports?.[0]?.nodePort);
    const rules = async (): Promise<string> =>
      await host!.run('nft list tables | sort; ip -o address show dev lo');
    const before = await rules();
    await host!.run(`nft flush ruleset; ip address del ${clusterDns}/32 dev lo`);
    await expect.poll(rules, slow).toBe(before);
    const asked = script('wget', { name: `http://${serviceOf('on-h2')}` });
    expect(await kubectl(['exec', 'on-h1', '--', 'sh', '-c', asked])).toMatchObject({
      stdout: 'name: on-h2\n',
    });
    const outside = script('curl', { port: `http://${host!.address}:${port}` });
    expect((await execute('sh', ['-c', outside])).out).toBe('port: on-h2\n');
  },
  4 * minutes,
);

const rate = 300;

/** Ends some seconds after it has been asked to, and serves meanwhile: as servers do by themselves. */
const graceful = `${serve} & server=$!; trap 'sleep 5; kill $server; exit 0' TERM; wait`;

test.each([
  { how: 'a preStop hook', name: 'hooked', from: 'a pod, to the service' },
  { how: 'a server that ends gracefully', name: 'graceful', from: 'outside, to a port of a node' },
])(
  `no request of ${rate} a second is lost in a rolling update of $how: $from`,
  async ({ name }) => {
    const { cluster, machines, kubectl } = nodes;
    const isHooked = name === 'hooked';
    const { spec } = server(name, { terminationGracePeriodSeconds: 8 });
    const container = isHooked
      ? { ...spec.containers[0]!, lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } } }
      : { ...spec.containers[0]!, command: ['sh', '-c', graceful] };
    await cluster.create(deployments, {
      metadata: { name, namespace },
      spec: {
        replicas: 3,
        strategy: {},
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { ...spec, containers: [container] },
        },
      },
    });
    const { spec: asked } = await cluster.create(
      services,
      service(name, isHooked ? 'ClusterIP' : 'NodePort'),
    );
    const rolledOut = async (): Promise<void> => {
      const done = await kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=50s']);
      expect(done).toMatchObject({ code: 0 });
    };
    await rolledOut();
    const target = isHooked
      ? `${asked.clusterIP}:80`
      : `${machines[0]!.address}:${asked.ports![0]!.nodePort}`;
    const from = isHooked ? { from: await networkOf('on-h1', machines[0]!) } : {};
    await using load = startLoad({ target, rate, ...from });
    await expect.poll(() => load.tally().answered, slow).toBeGreaterThan(2 * rate);
    const before = Object.keys(load.tally().by);
    await kubectl(['rollout', 'restart', `deployment/${name}`]);
    await rolledOut();
    // The old ones are gone, too, and none of those that served is asked any more.
    const listed = async (): Promise<string[]> => {
      const { items } = await cluster.list(pods, { namespace, labelSelector: `app=${name}` });
      return items.map(({ metadata }) => metadata.name);
    };
    await expect.poll(async () => (await listed()).length, slow).toBe(3);
    const { lost, by } = await load.stop();
    expect(lost).toEqual([]);
    expect(Object.keys(by).toSorted()).toEqual([...before, ...(await listed())].toSorted());
  },
  4 * minutes,
);

/** The network namespace of the pod, as a file of this machine. */
async function networkOf(name: string, host: Host): Promise<string> {
  const { status } = await nodes.cluster.get(pods, { namespace, name });
  const file = await host.run(`for file in /run/netns/*; do
nsenter --net=$file ip -o address | grep -qF ' ${status.podIP}/' && echo $file
done; true`);
  return host.path(file.trim());
}
