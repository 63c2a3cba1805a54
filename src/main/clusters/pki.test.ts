import { execFileSync } from 'node:child_process';
import { X509Certificate, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  apiServerCertificate,
  clientCertificates,
  etcdServerCertificate,
  nodeCertificate,
} from '#main/clusters/certificates.ts';
import { openPki } from '#main/clusters/pki.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pilothouse-pki-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const dayMs = 86_400_000;
const serving = apiServerCertificate({
  serviceAddress: '10.96.0.1',
  clusterDomain: 'cluster.local',
  hostNames: ['desk', '192.0.2.7'],
});

test('openssl accepts every certificate for the use it is made for', async () => {
  const folder = join(scratch, 'openssl');
  const pki = await openPki({ folder, clock: new FakeClock(Date.now()) });
  const specs = [
    serving,
    etcdServerCertificate(['desk']),
    nodeCertificate('a'),
    ...Object.values(clientCertificates),
  ];
  const authorityFiles = { cluster: 'ca', frontProxy: 'front-proxy-ca', etcd: 'etcd/ca' } as const;
  for (const spec of specs) {
    await pki.certificate(spec);
    const purposes = { serverAuth: 'sslserver', clientAuth: 'sslclient' } as const;
    for (const usage of spec.usages) {
      const ca = join(folder, `${authorityFiles[spec.authority]}.crt`);
      const leaf = join(folder, `${spec.file}.crt`);
      const options = ['-x509_strict', '-purpose', purposes[usage], '-CAfile', ca];
      const answer = execFileSync('openssl', ['verify', ...options, leaf], { encoding: 'utf8' });
      expect(answer).toBe(`${leaf}: OK\n`);
    }
  }
});

test('a certificate says who it is for, and serves every name of the server', async () => {
  const pki = await openPki({ folder: join(scratch, 'names'), clock: new FakeClock(Date.now()) });
  const admin = new X509Certificate((await pki.certificate(clientCertificates.admin)).certificate);
  expect(admin.subject).toBe('O=system:masters\nCN=kubernetes-admin');
  const server = new X509Certificate((await pki.certificate(serving)).certificate);
  for (const name of ['localhost', 'kubernetes.default.svc.cluster.local', 'desk'])
    expect(server.checkHost(name)).toBe(name);
  for (const address of ['127.0.0.1', '::1', '10.96.0.1', '192.0.2.7'])
    expect(server.checkIP(address)).toBeDefined();
});

test('a later start reads what is there; only what is due or differs is made again', async () => {
  const folder = join(scratch, 'renew');
  const clock = new FakeClock(Date.now());
  const first = await (await openPki({ folder, clock })).certificate(serving);
  const again = await openPki({ folder, clock });
  expect(await again.certificate(serving)).toEqual(first);

  const renamed = { ...serving, subjectAlternativeNames: ['elsewhere'] };
  expect((await again.certificate(renamed)).certificate).not.toBe(first.certificate);

  const pki = await openPki({ folder, clock });
  const held = await pki.certificate(serving);
  await clock.advance(200 * dayMs);
  expect(await pki.renew()).toEqual([]);
  await clock.advance(100 * dayMs);
  expect(await pki.renew()).toEqual(['apiserver']);
  expect((await pki.certificate(serving)).certificate).not.toBe(held.certificate);
});

test('an authority past two thirds of its life gets a new one with the same key', async () => {
  const folder = join(scratch, 'authority');
  const clock = new FakeClock(Date.now());
  const young = await openPki({ folder, clock });
  const { certificate } = await young.certificate(clientCertificates.admin);
  await clock.advance(2500 * dayMs);
  const old = await openPki({ folder, clock });
  expect(old.authority('cluster').key).toBe(young.authority('cluster').key);
  expect(old.authority('cluster').certificate).not.toBe(young.authority('cluster').certificate);
  const key = new X509Certificate(old.authority('cluster').certificate).publicKey;
  expect(new X509Certificate(certificate).verify(key)).toBe(true);
});

test('keys are for their owner only', async () => {
  const folder = join(scratch, 'modes');
  const pki = await openPki({ folder, clock: new FakeClock(Date.now()) });
  await pki.certificate(clientCertificates.admin);
  const { privateKey, publicKey } = await pki.serviceAccountKey();
  const text = Buffer.from('x');
  expect(verify('sha256', text, createPublicKey(publicKey), sign('sha256', text, privateKey))).toBe(
    true,
  );
  expect(readFileSync(join(folder, 'sa.key'), 'utf8')).toBe(privateKey);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const file of readdirSync(folder).filter((name) => !name.includes('etcd')))
    expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600]);
});
