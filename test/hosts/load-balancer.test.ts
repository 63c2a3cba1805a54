import { afterAll, beforeAll, expect, test } from 'vitest';
import { deployments } from '#shared/api/apps/deployment.ts';
import { nodes as nodeObjects } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { services } from '#shared/api/core/service.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import { patchTypes } from '#shared/client/transport.ts';
import type { Host } from '../support/hosts/host.ts';
import { startNodeCluster, type NodeCluster } from '../support/hosts/node-cluster.ts';
import { execute } from '../support/hosts/shell.ts';
import { busyboxImage } from '../support/kubelet/images.ts';

/** The cloud controllers with machines that are there: addresses, routes and load balancers. */

const minutes = 60_000;
const slow = { timeout: 2 * minutes, interval: 250 };
const namespace = 'default';
const key = { namespace, name: 'web' };
/** Of the load balancer, on the nodes' own addresses. */
const port = 8088;

let nodes: NodeCluster;
let first: Host;
let second: Host;
beforeAll(async () => {
  nodes = await startNodeCluster({ machines: 2 });
  [first, second] = nodes.machines as [Host, Host];
}, 10 * minutes);
afterAll(() => nodes?.[Symbol.asyncDispose]());

/** Says which pod answers, and whom it sees. */
const serve = `mkdir -p /www/cgi-bin
printf '#!/bin/sh\\necho; echo $HOSTNAME $REMOTE_ADDR\\n' >/www/cgi-bin/who
chmod +x /www/cgi-bin/who; exec httpd -f -p 8080 -h /www`;

async function deploy(): Promise<void> {
  const app = { app: 'web' };
  const spread = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: app }, topologyKey: 'kubernetes.io/hostname' },
      ],
    },
  };
  const container = { name: 'web', image: busyboxImage, resources: {} };
  await nodes.cluster.create(deployments, {
    metadata: key,
    spec: {
      replicas: 1,
      strategy: {},
      selector: { matchLabels: app },
      template: {
        metadata: { labels: app },
        spec: {
          affinity: spread,
          terminationGracePeriodSeconds: 1,
          containers: [{ ...container, command: ['sh', '-c', serve] }],
        },
      },
    },
  });
}

/** Where the pods are, by their names. */
async function whereabouts(): Promise<Map<string, string>> {
  const { items } = await nodes.cluster.list(pods, { namespace, labelSelector: 'app=web' });
  const running = items.filter(({ metadata }) => !metadata.deletionTimestamp);
  return new Map(running.map(({ metadata, spec }) => [metadata.name, spec.nodeName ?? '']));
}

const service = (): Promise<Service> => nodes.cluster.get(services, key);
const node = (name: string) => nodes.cluster.get(nodeObjects, { name });
const change = (body: object): Promise<Service> =>
  nodes.cluster.patch(services, key, { type: patchTypes.merge, body });

async function ingress(): Promise<(string | undefined)[] | undefined> {
  return (await service()).status.loadBalancer.ingress?.map(({ ip }) => ip);
}

/** From this machine, which is none of the cluster: who answers, and whom it sees. */
async function ask(host: Host, at = `${port}/cgi-bin/who`): Promise<string> {
  const url = `http://${host.address}:${at}`;
  const { out } = await execute('curl', ['-s', '-S', '-m', '3', url]);
  return out.trim().replace(/\[::ffff:([\d.]+)\]/, '$1');
}

async function health(host: Host): Promise<string> {
  const { healthCheckNodePort } = (await service()).spec;
  const url = `http://${host.address}:${healthCheckNodePort}`;
  const code = ['-o', '/dev/null', '-w', '%{http_code}'];
  return (await execute('curl', ['-s', '-m', '3', ...code, url])).out;
}

test('nodes carry their machines’ identity and addresses', async () => {
  for (const { name, address } of nodes.machines) {
    const { spec, status } = await node(name);
    expect(spec).toMatchObject({
      providerID: expect.stringMatching(/^pilothouse:\/\/[0-9a-f-]{36}$/),
      podCIDR: expect.stringMatching(/^10\.244\.\d+\.0\/24$/),
    });
    expect(spec.taints).toBeUndefined();
    expect(status.addresses).toEqual([
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ]);
  }
});

test('each node has a route to the other one’s pods, and says so', async () => {
  for (const [own, other] of [
    [first, second],
    [second, first],
  ] as const) {
    const { podCIDR } = (await node(other.name)).spec;
    const network = async (): Promise<string | undefined> =>
      (await node(own.name)).status.conditions?.find(({ type }) => type === 'NetworkUnavailable')
        ?.reason;
    await expect.poll(network, slow).toBe('RouteCreated');
    expect(await own.run('ip route')).toContain(`${podCIDR} via ${other.address} `);
  }
});

test(
  'a service has the addresses of all nodes, and each of them leads to its pods',
  async () => {
    await deploy();
    await nodes.cluster.create(services, {
      metadata: key,
      spec: {
        type: 'LoadBalancer',
        selector: { app: 'web' },
        ports: [{ port, targetPort: 8080, protocol: 'TCP' }],
      },
    });
    await expect.poll(ingress, slow).toEqual([first.address, second.address]);
    for (const host of nodes.machines)
      await expect.poll(() => ask(host), slow).toMatch(/^web-\S+ 10\./);
  },
  4 * minutes,
);

test(
  'with externalTrafficPolicy Local only nodes with pods take part, and pods see who asks',
  async () => {
    await change({ spec: { externalTrafficPolicy: 'Local' } });
    const [[name, place]] = [...(await whereabouts())] as [[string, string]];
    const [taking, idle] = place === first.name ? [first, second] : [second, first];
    await expect.poll(ingress, slow).toEqual([taking.address]);
    await expect.poll(() => ask(taking), slow).toBe(`${name} ${nodes.gateway}`);
    await expect
      .poll(async () => [await health(taking), await health(idle)], slow)
      .toEqual(['200', '503']);
    expect(await ask(idle)).toBe('');

    await nodes.kubectl(['scale', 'deployment/web', '--replicas=2']);
    await expect.poll(ingress, slow).toEqual([first.address, second.address]);
    for (const host of nodes.machines) {
      const own = async (): Promise<string | undefined> =>
        [...(await whereabouts())].find(([, on]) => on === host.name)?.[0];
      await expect
        .poll(async () => (await ask(host)) === `${await own()} ${nodes.gateway}`, slow)
        .toBe(true);
      await expect.poll(() => health(host), slow).toBe('200');
    }
  },
  4 * minutes,
);

test(
  'a node that is excluded or removed takes no part, one that joins does',
  async () => {
    await change({ spec: { externalTrafficPolicy: 'Cluster' } });
    const label = 'node.kubernetes.io/exclude-from-external-load-balancers';
    await nodes.kubectl(['label', 'node', first.name, `${label}=`]);
    await expect.poll(ingress, slow).toEqual([second.address]);
    await nodes.kubectl(['label', 'node', first.name, `${label}-`]);
    await expect.poll(ingress, slow).toEqual([first.address, second.address]);
    await nodes.remove(second);
    await expect.poll(ingress, slow).toEqual([first.address]);
    await nodes.add(second);
    await expect.poll(ingress, slow).toEqual([first.address, second.address]);
    await expect.poll(() => ask(second), slow).toMatch(/^web-/);
  },
  4 * minutes,
);

test(
  'with the service goes all that was set up for it',
  async () => {
    await nodes.cluster.delete(services, key);
    const left = async (): Promise<string[]> =>
      (await nodes.cluster.list(services, { namespace })).items.map(
        ({ metadata }) => metadata.name,
      );
    await expect.poll(left, slow).toEqual(['kubernetes']);
    for (const host of nodes.machines) {
      await expect.poll(() => ask(host), slow).toBe('');
      expect(await host.run('nft list table ip kube-proxy')).not.toContain(`. ${port} `);
    }
  },
  2 * minutes,
);
