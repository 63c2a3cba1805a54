import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Node } from '#shared/api/types/core-v1.ts';
import { cniPlacesOf } from './agent-inside.ts';
import { hosts, Lab, type HostName } from './lab.ts';
import { Namespace } from './namespace.ts';

const patienceMs = 15_000;
const nodes = Object.values(hosts).map(({ node }) => node);

let lab: Lab;

beforeAll(async () => {
  lab = new Lab({ c1: 'h1', d1: 'h2' });
  for (const name of ['c1', 'd1', 'h1', 'h2', 'out']) {
    await lab.namespace(name).ask({ do: 'serve', name, protocol: 'tcp', port: 8080 });
  }
  lab.namespace('h1').run(`ip route del ${hosts.h2.podRange}`);
  lab.namespace('h2').run(`ip route del ${hosts.h1.podRange}`);
  for (const { name, settings } of Object.values(hosts)) {
    await lab
      .namespace(name)
      .ask({ do: 'start', parts: ['network'], settings, objects: { nodes } });
  }
}, 60_000);

afterAll(() => lab?.[Symbol.asyncDispose](), 60_000);

function routes(host: HostName): string[] {
  const listed = lab.namespace(host).run('ip route show proto 180');
  return listed
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort();
}

async function seenBy(to: string, from = 'c1'): Promise<string> {
  const ip = to === 'out' ? '10.83.0.1' : lab.address(to);
  const outcome = await lab.connect(from, { ip, port: 8080, timeoutMs: patienceMs });
  return outcome.result === 'ok' ? outcome.source : outcome.result;
}

test('a node knows the way to other nodes’ pods, and that nobody else has its own', async () => {
  await expect
    .poll(() => routes('h1'))
    .toEqual([
      `${hosts.h2.podRange} via ${hosts.h2.address} dev eth0`,
      `unreachable ${hosts.h1.podRange} metric 4096`,
    ]);
  await expect.poll(() => routes('h2')).toHaveLength(2);
});

test('pods go by their own address in the cluster and by their node’s outside', async () => {
  const own = lab.address('c1');
  expect(await seenBy('d1')).toBe(own);
  expect(await seenBy('h2')).toBe(own);
  expect(await seenBy('h1')).toBe(own);
  expect(await seenBy('out')).toBe(hosts.h1.address);
  expect(await seenBy('c1', 'out')).toBe('10.83.0.1');
});

test('routes follow nodes that come, move and go', async () => {
  const [, second] = nodes;
  const host = lab.namespace('h1');
  await host.ask({ do: 'remove', plural: 'nodes', key: 'h2' });
  await expect.poll(() => routes('h1')).toEqual([`unreachable ${hosts.h1.podRange} metric 4096`]);
  const addresses = [{ type: 'InternalIP', address: '10.83.0.77' }];
  await host.ask({
    do: 'put',
    objects: { nodes: [{ ...second!, status: { addresses } } as unknown as Node] },
  });
  await expect.poll(() => routes('h1')).toContain(`${hosts.h2.podRange} via 10.83.0.77 dev eth0`);
  await host.ask({ do: 'put', objects: { nodes: [second!] } });
  await expect
    .poll(() => routes('h1'))
    .toContain(`${hosts.h2.podRange} via ${hosts.h2.address} dev eth0`);
});

test('the plugins make a pod’s link by the configuration that the runtime reads', async () => {
  const { configuration } = cniPlacesOf(hosts.h1.settings);
  const { cniVersion, name, plugins } = JSON.parse(readFileSync(configuration, 'utf8')) as {
    readonly cniVersion: string;
    readonly name: string;
    readonly plugins: readonly { readonly type: string }[];
  };
  expect(plugins).toMatchObject([
    {
      type: 'ptp',
      mtu: 1500,
      ipam: { type: 'host-local', ranges: [[{ subnet: hosts.h1.podRange }]] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ]);
  await using pod = new Namespace(`pilothouse-${process.pid}-cni`);
  const environment = `CNI_COMMAND=ADD CNI_CONTAINERID=lab CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni CNI_NETNS=/run/netns/${pod.name}`;
  const input = JSON.stringify({ cniVersion, name, ...plugins[0] });
  const made = JSON.parse(lab.namespace('h1').run(`${environment} /usr/lib/cni/ptp`, input)) as {
    readonly ips: readonly { readonly address: string }[];
  };
  const ip = made.ips[0]!.address.split('/')[0]!;
  const outcome = await pod.ask({
    do: 'connect',
    protocol: 'tcp',
    ip: lab.address('d1'),
    port: 8080,
    timeoutMs: patienceMs,
  });
  expect(outcome).toEqual({ result: 'ok', name: 'd1', source: ip });
});

test('an address that no pod has is refused at once', async () => {
  const nobody = hosts.h1.gateway.replace(/\d+$/, '200');
  const outcome = await lab.connect('d1', { ip: nobody, port: 8080, timeoutMs: patienceMs });
  // Not reached, and long before patience ran out: that would fail the test's own time.
  expect(outcome.result).toBe('timeout');
}, 10_000);

test('pods get through a firewall that forwards nothing, as Docker’s', async () => {
  const host = lab.namespace('h1');
  host.run('iptables -P FORWARD DROP');
  // Looked after twice a minute, and whenever a node changes.
  const [first] = nodes;
  const addresses = [...first!.status.addresses!, { type: 'Hostname', address: 'h1' }];
  await host.ask({
    do: 'put',
    objects: { nodes: [{ ...first!, status: { addresses } } as unknown as Node] },
  });
  await expect
    .poll(() => host.run('iptables -S FORWARD'))
    .toMatch(/-d 10\.244\.0\.0\/16 .* -j ACCEPT/);
  expect(await seenBy('d1')).toBe(lab.address('c1'));
  expect(await seenBy('c1', 'd1')).toBe(lab.address('d1'));
});

test('removal leaves neither routes nor rules nor files', async () => {
  await lab.namespace('h1').ask({ do: 'clean' });
  expect(routes('h1')).toEqual([]);
  const rules = lab.namespace('h1').run('nft list ruleset');
  expect(rules).not.toContain('pilothouse');
  expect(rules).not.toContain('10.244');
  expect(() => readFileSync(cniPlacesOf(hosts.h1.settings).configuration)).toThrow('ENOENT');
});
