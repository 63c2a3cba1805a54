import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { execute, mustExecute } from '../support/hosts/shell.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';

const minutes = 60_000;

let hosts: TestHosts;
beforeAll(async () => {
  hosts = await startHosts({ count: 2, kind: 'container' });
}, 5 * minutes);
afterAll(() => hosts?.[Symbol.asyncDispose]());

test('hosts run systemd and containerd, reach each other, and are reached by SSH', async () => {
  const [first, second] = hosts.hosts;
  const ping = async () => (await first!.execute(`ping -c1 -W1 ${second!.address}`)).out;
  await expect.poll(ping).toContain('1 received');
  const units = async () => (await first!.execute('systemctl is-active ssh containerd')).out;
  await expect.poll(units).toBe('active\nactive\n');
  const ssh = ['-i', hosts.keyFile, '-o', 'StrictHostKeyChecking=no', '-o', 'BatchMode=yes'];
  const known = ['-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
  const who = await mustExecute('ssh', [
    ...ssh,
    ...known,
    `admin@${first!.address}`,
    'sudo -n id -un; hostname',
  ]);
  expect(who).toBe('root\nh1\n');
});

test('what is on disk outlives a power cut and a reboot', async () => {
  const [host] = hosts.hosts;
  const boot = () => host!.run('cat /proc/sys/kernel/random/boot_id');
  const boots = [await boot()];
  await host!.run('echo kept >/root/kept; sync');
  await host!.powerCut();
  await host!.start();
  boots.push(await boot());
  await host!.reboot();
  boots.push(await boot());
  expect([await host!.run('cat /root/kept'), new Set(boots).size]).toEqual(['kept\n', 3]);
});

test('a pulled cable cuts a host off', async () => {
  const [first, second] = hosts.hosts;
  const ping = async () => (await first!.execute(`ping -c1 -W1 ${second!.address}`)).code;
  await second!.setCable('pulled');
  expect(await ping()).toBe(1);
  await second!.setCable('plugged');
  await expect.poll(ping).toBe(0);
});

test('hosts leave nothing behind', async () => {
  const others = await startHosts({ count: 1 });
  const { prefix } = others;
  const name = `ph${prefix.split('.').slice(1).join('-')}`;
  const pid = others.hosts[0]!.pid();
  const traces = async () => ({
    links: (await execute('ip', ['link', 'show', name])).code === 0,
    namespaces: readdirSync('/run/netns').some((one) => one.startsWith(name)),
    groups: (await mustExecute('find', ['/sys/fs/cgroup', '-maxdepth', '2', '-name', `${name}-*`]))
      .length,
    init: existsSync(`/proc/${pid}/root/sbin/init`),
  });
  expect(await traces()).toMatchObject({ links: true, namespaces: true, init: true });
  await others[Symbol.asyncDispose]();
  expect(await traces()).toEqual({ links: false, namespaces: false, groups: 0, init: false });
});
