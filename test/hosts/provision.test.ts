import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeCertificate, nodeServingCertificate } from '#main/clusters/certificates.ts';
import { openPki } from '#main/clusters/pki.ts';
import { openAssets } from '#main/provision/assets.ts';
import { inspect } from '#main/provision/facts.ts';
import { logIn, type Login } from '#main/provision/login.ts';
import { deprovision, planOf, provision, type Listener } from '#main/provision/provision.ts';
import { openHostKeys } from '#main/provision/ssh/host-keys.ts';
import type { StepContext } from '#main/provision/step.ts';
import { steps } from '#main/provision/steps/index.ts';
import { neededPackages } from '#main/provision/steps/packages.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Host } from '../support/hosts/host.ts';
import { startHosts, type TestHosts } from '../support/hosts/index.ts';
import { listing } from './listing.ts';

const minutes = 60_000;
const root = join(import.meta.dirname, '../..');
const names = steps.map(({ name }) => name);

let hosts: TestHosts;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pilothouse-provision-'));
  hosts = await startHosts({ count: 1 });
}, 10 * minutes);
afterAll(async () => {
  await hosts?.[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

async function login(host: Host, user = 'admin'): Promise<Login> {
  const questions = { secret: async () => undefined, confirm: async () => true };
  return logIn({
    target: { user, host: host.address, port: 22 },
    credentials: { identity: hosts.keyFile },
    hostKeys: await openHostKeys({ own: join(scratch, 'known_hosts'), others: [] }, questions),
    questions,
    clock: systemClock,
  });
}

async function contextFor(host: Host, { machine, user }: Login): Promise<StepContext> {
  const facts = await inspect(machine, { clock: systemClock, packages: neededPackages });
  const pki = await openPki({ folder: join(scratch, 'pki'), clock: systemClock });
  const client = await pki.certificate(nodeCertificate(host.name));
  const serving = await pki.certificate(nodeServingCertificate(host.name, [host.address]));
  return {
    machine,
    facts,
    assets: await openAssets('amd64', {
      bundle: join(root, 'out/agent'),
      cache: join(scratch, 'cache'),
    }),
    plan: {
      nodeName: host.name,
      cluster: 'test',
      addresses: [host.address],
      serviceRange: '10.96.0.0/16',
      podRange: '10.244.0.0/16',
      credentials: {
        authority: pki.authority('cluster').certificate,
        certificate: client.certificate,
        key: client.key,
        servingCertificate: serving.certificate,
        servingKey: serving.key,
      },
      access: { user, publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPilothouse test' },
    },
    progress: () => {},
  };
}

/** Works until the step begins or is done, then loses the connection. */
async function cutAt(
  host: Host,
  step: string,
  work: (entry: Login, listen: Listener) => Promise<void>,
) {
  const entry = await login(host);
  const cut = Promise.withResolvers<void>();
  const listen: Listener = (event) => {
    if (event.step === step && event.type !== 'progress')
      entry[Symbol.asyncDispose]().then(cut.resolve, cut.reject);
  };
  await expect(work(entry, listen)).rejects.toThrow(/connection/i);
  await cut.promise;
}

test(
  'a plan changes nothing; cut off at every step it is gone on with, there and back',
  async () => {
    const host = hosts.hosts[0]!;
    // Logging in leaves traces of its own.
    await using entry = await login(host);
    const before = await listing(host);
    const planned = await planOf(await contextFor(host, entry));
    expect([planned.map(({ step }) => step), await listing(host)]).toEqual([names, before]);

    for (const step of names) {
      await cutAt(host, step, async (own, listen) =>
        provision(await contextFor(host, own), listen),
      );
      await settled(host);
    }
    await provision(await contextFor(host, entry), () => {});
    expect(await planOf(await contextFor(host, entry))).toEqual([]);
    expect(await host.run('systemctl is-active pilothouse-agent containerd')).toBe(
      'active\nactive\n',
    );

    for (const step of names.toReversed()) {
      await cutAt(host, step, ({ machine }, listen) => deprovision(machine, listen));
      await settled(host);
    }
    await deprovision(entry.machine, () => {});
    expect(await listing(host)).toEqual(before);
  },
  5 * minutes,
);

/** What was begun when the connection broke may still run for a moment. */
async function settled(host: Host): Promise<void> {
  await expect.poll(async () => (await host.execute('pgrep -f "sh -c [s]et -e"')).code).toBe(1);
}
