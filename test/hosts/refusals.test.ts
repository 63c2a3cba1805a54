import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logIn } from '#main/provision/login.ts';
import { openHostKeys } from '#main/provision/ssh/host-keys.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Host } from '../support/hosts/host.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { execute } from '../support/hosts/shell.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';
import { listing } from './listing.ts';

const minutes = 60_000;
const root = join(import.meta.dirname, '../..');

let hosts: TestHosts;
let cluster: Pilothouse;
let host: Host;
beforeAll(async () => {
  hosts = await startHosts({ count: 1 });
  host = hosts.hosts[0]!;
  cluster = await startPilothouse({ simulatedNodes: 0 });
  await host.run(`useradd -m -s /bin/bash -p "$(openssl passwd secret)" carol
useradd -m -s /bin/bash -G sudo -p "$(openssl passwd secret)" dave
for user in carol dave; do cp -r /home/admin/.ssh /home/$user; chown -R $user: /home/$user/.ssh; done`);
}, 10 * minutes);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  await hosts?.[Symbol.asyncDispose]();
});

/** A login that does what looking at a machine does. */
async function enter(user: string): Promise<void> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes'];
  const flags = options.flatMap((option) => ['-o', option]);
  await execute('ssh', ['-i', hosts.keyFile, ...flags, `${user}@${host.address}`, 'sudo -n true']);
}

/** Puts a program in front of the machine's own, which says something else. */
const shim = (name: string, script: string): string =>
  `printf '#!/bin/sh\\n%s\\n' '${script}' >/usr/local/bin/${name}; chmod 755 /usr/local/bin/${name}`;

interface Case {
  readonly what: string;
  readonly user?: string;
  readonly prepare: string;
  readonly restore: string;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    what: 'a processor that nothing is built for',
    prepare: shim('uname', 'if [ "$1" = -m ]; then echo riscv64; else /usr/bin/uname "$@"; fi'),
    restore: 'rm /usr/local/bin/uname',
    says: /its processor is riscv64; use a machine with x86_64 or aarch64/,
  },
  {
    what: 'a clock ten minutes ahead',
    prepare: shim('date', '/usr/bin/date -d "+10 minutes" "$@"'),
    restore: 'rm /usr/local/bin/date',
    says: /its clock is (59|60)\d s ahead of this machine's.*timedatectl set-ntp true/,
  },
  {
    what: 'a network within the range of pods',
    prepare: 'ip address add 10.244.5.1/24 dev eth0',
    restore: 'ip address del 10.244.5.1/24 dev eth0',
    says: /its network 10\.244\.5\.[01]\/24 \(eth0\) lies within the cluster's range 10\.244\.0\.0\/16/,
  },
  {
    what: 'no package of containerd',
    prepare:
      'mv /etc/apt/sources.list /root; mv /var/lib/apt/lists /root/lists; mkdir /var/lib/apt/lists',
    restore:
      'mv /root/sources.list /etc/apt; rm -rf /var/lib/apt/lists; mv /root/lists /var/lib/apt/lists',
    says: /apt knows no package containerd, .*; check \/etc\/apt\/sources.list/,
  },
  {
    what: 'another program on the port of the kubelet',
    prepare: `systemd-run --quiet --unit=squatter /usr/sbin/sshd -D -p 10250
for try in $(seq 50); do grep -q :280A /proc/net/tcp && break; sleep 0.1; done`,
    restore: 'systemctl stop squatter',
    says: /another program listens on port 10250.*stop it/,
  },
  {
    what: 'a user who may not use sudo',
    user: 'carol',
    prepare: 'true',
    restore: 'true',
    says: /User carol is not|sudo on carol@.* asks carol for a password|may not use sudo/,
  },
];

function add(user: string, address: string): ReturnType<typeof execute> {
  const args = ['node', 'add', `ssh://${user}@${address}`, '--identity', hosts.keyFile, '--yes'];
  const env = { ...process.env, PILOTHOUSE_HOME: cluster.home, HOME: cluster.home };
  return execute(process.execPath, [join(root, 'src/main/cli.ts'), ...args], { env });
}

test.each(cases)(
  '$what: one sentence with a remedy, and the machine is as before',
  async ({ user = 'admin', prepare, restore, says }) => {
    // Logging in leaves traces of its own.
    await enter(user);
    await host.run(prepare);
    const before = await listing(host);
    const { code, err } = await add(user, host.address);
    const after = await listing(host);
    await host.run(restore);
    const last = err.trim().split('\n').at(-1);
    expect([code, last, after]).toEqual([1, expect.stringMatching(says), before]);
  },
  minutes,
);

test(
  'a full disk: one sentence with a remedy',
  async () => {
    await using small = await startHosts({ count: 1, diskMiB: 300 });
    const [own] = small.hosts;
    const args = ['node', 'add', `ssh://admin@${own!.address}`, '-i', small.keyFile, '--yes'];
    const env = { ...process.env, PILOTHOUSE_HOME: cluster.home, HOME: cluster.home };
    const { code, err } = await execute(
      process.execPath,
      [join(root, 'src/main/cli.ts'), ...args],
      { env },
    );
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(
        /has \d+ MiB free and needs 1024 MiB; remove files or use a larger disk/,
      ),
    ]);
  },
  minutes,
);

/** Logs in as dave, who has a password for both SSH and sudo. */
function asDave(passwords: readonly string[], identity?: string) {
  const left = [...passwords];
  const questions = { secret: async () => left.shift(), confirm: async () => true };
  return openHostKeys({ own: join(cluster.home, 'daves'), others: [] }, questions).then(
    (hostKeys) =>
      logIn({
        target: { user: 'dave', host: host.address, port: 22 },
        credentials: { identity },
        hostKeys,
        questions,
        clock: systemClock,
      }),
  );
}

test(
  'passwords for SSH and for sudo are asked for, and wrong ones are told',
  async () => {
    await using both = await asDave(['secret', 'secret']);
    expect([
      both.way,
      (await both.machine.execute('id -u; cat', { input: 'kept apart' })).out,
    ]).toEqual(['sudo with password', '0\nkept apart']);
    await using second = await asDave(['wrong', 'secret', 'wrong', 'secret']);
    expect(second.way).toBe('sudo with password');
    await expect(asDave(['no', 'nor this', 'nor that'])).rejects.toThrow(
      /Cannot log in as dave@.*tried a password, questions.*--identity/,
    );
    await expect(asDave(['no', 'nor this', 'nor that'], hosts.keyFile)).rejects.toThrow(
      'does not take the password of dave: check it, and try again',
    );
    await expect(asDave([], hosts.keyFile)).rejects.toThrow('asks dave for a password');
    const working = both.machine.execute('sleep 2');
    await expect.poll(() => host.run('ps -eo args')).toContain('sleep 2');
    expect(await host.run('ps -eo args')).not.toContain('secret');
    await working;
  },
  minutes,
);

test(
  'a key with a passphrase is opened with it, and only with it',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pilothouse-key-'));
    const key = join(folder, 'key');
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'open sesame', '-f', key]);
    const { out } = await execute('cat', [`${key}.pub`]);
    await host.run('cat >>/home/dave/.ssh/authorized_keys', { input: out });
    await using login = await asDave(['open sesame', 'secret'], key);
    expect(login.user).toBe('dave');
    await expect(asDave(['open barley'], key)).rejects.toThrow('passphrase does not open the key');
    await rm(folder, { recursive: true, force: true });
  },
  minutes,
);
