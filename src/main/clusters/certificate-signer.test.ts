import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createCertificateSigner } from '#main/clusters/certificate-signer.ts';
import { issueAuthority } from '#main/clusters/x509.ts';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { signerNames, signerRefusal } from '#shared/api/certificates/signers.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pilothouse-csr-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What openssl makes of a subject and names, as `spec.request` holds it. */
function requestFor(subject: string, names = '', key = ['-newkey', 'rsa:2048']): string {
  const path = join(scratch, 'request.pem');
  const options = names ? ['-addext', `subjectAltName=${names}`] : [];
  const output = ['-keyout', join(scratch, 'key.pem'), '-out', path, '-subj', subject];
  execFileSync('openssl', ['req', '-new', '-utf8', '-nodes', ...key, ...output, ...options], {
    stdio: 'pipe',
  });
  return readFileSync(path).toString('base64');
}

const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const kubelet = '/O=system:nodes/CN=system:node:a';

test('a request by openssl is read in full', () => {
  const names = 'DNS:a.example,DNS:b.example,IP:192.0.2.1,IP:fd00::1,email:x@y.z,URI:spiffe://t/x';
  const request = requestFor('/O=one/O=zwö/OU=unit/CN=somebody', names, elliptic);
  expect(parseCertificateRequest(request)).toEqual({
    commonName: 'somebody',
    organizations: ['one', 'zwö'],
    dnsNames: ['a.example', 'b.example'],
    emailAddresses: ['x@y.z'],
    ipAddresses: ['192.0.2.1', 'fd00:0:0:0:0:0:0:1'],
    uris: ['spiffe://t/x'],
  });
});

test.each([
  ['not PEM at all', Buffer.from('x').toString('base64')],
  ['another PEM block', Buffer.from('-----BEGIN X-----\nAA==\n-----END X-----').toString('base64')],
])('%s is no certificate request', (_, request) => {
  expect(() => parseCertificateRequest(request)).toThrow(
    'PEM block type must be CERTIFICATE REQUEST',
  );
});

const client = ['digital signature', 'client auth'];
const server = ['digital signature', 'key encipherment', 'server auth'];

describe('a signer refuses what is not its own to sign', () => {
  const { apiServerClient, kubeletClient, kubeletServing, legacyUnknown } = signerNames;
  const cases = [
    { signer: kubeletClient, subject: kubelet, usages: client, says: undefined },
    {
      signer: kubeletClient,
      subject: kubelet,
      usages: server,
      says: 'usages did not match [client auth digital signature key encipherment]',
    },
    {
      signer: kubeletClient,
      subject: kubelet,
      names: 'DNS:a',
      usages: client,
      says: 'DNS subjectAltNames are not allowed',
    },
    {
      signer: kubeletClient,
      subject: '/CN=a',
      usages: client,
      says: 'subject organization is not system:nodes',
    },
    { signer: kubeletServing, subject: kubelet, names: 'DNS:a', usages: server, says: undefined },
    {
      signer: kubeletServing,
      subject: kubelet,
      usages: server,
      says: 'DNS or IP subjectAltName is required',
    },
    { signer: apiServerClient, subject: '/CN=a', usages: client, says: undefined },
    {
      signer: apiServerClient,
      subject: '/CN=a',
      usages: server,
      says: 'invalid usage for client certificate: server auth',
    },
    { signer: legacyUnknown, subject: '/CN=a', usages: ['any'], says: undefined },
  ];
  test.each(cases)('$signer, $subject $names', ({ signer, subject, names, usages, says }) => {
    const request = requestFor(subject, names, elliptic);
    expect(signerRefusal(signer, { request, usages })).toBe(says);
  });
});

describe('a signed certificate', async () => {
  const clock = new FakeClock(Date.UTC(2026, 5, 1));
  const validity = { notBefore: new Date('2026-01-01'), notAfter: new Date('2036-01-01') };
  const authority = await issueAuthority('kubernetes', validity);
  const signer = createCertificateSigner({ authority, clock });

  test.each([
    ['RSA', ['-newkey', 'rsa:2048']],
    ['P-256', elliptic],
  ])('holds the subject, names and %s key of its request', async (_, key) => {
    const request = requestFor(kubelet, 'DNS:a,IP:192.0.2.1', key);
    const pem = await signer.sign({ request, usages: server });
    writeFileSync(join(scratch, 'ca.pem'), authority.certificate);
    writeFileSync(join(scratch, 'leaf.pem'), pem);
    const options = ['-x509_strict', '-purpose', 'sslserver', '-attime', `${clock.now() / 1000}`];
    const ca = ['-CAfile', join(scratch, 'ca.pem')];
    execFileSync('openssl', ['verify', ...options, ...ca, join(scratch, 'leaf.pem')]);
    const leaf = new X509Certificate(pem);
    expect(leaf.subject).toBe('O=system:nodes\nCN=system:node:a');
    expect(leaf.subjectAltName).toBe('DNS:a, IP Address:192.0.2.1');
    expect(leaf.checkPrivateKey(privateKey())).toBe(true);
  });

  test.each([
    [undefined, 365 * 86_400 - 300],
    [10 * 365 * 86_400, 365 * 86_400 - 300],
    [60, 600],
    [3600, 3600],
  ])('that asked for %s seconds ends after %s', async (expirationSeconds, seconds) => {
    const request = requestFor('/CN=a', '', elliptic);
    const pem = await signer.sign({ request, usages: client, expirationSeconds });
    const { validFrom, validTo } = new X509Certificate(pem);
    expect((Date.parse(validTo) - clock.now()) / 1000).toBe(seconds);
    expect((clock.now() - Date.parse(validFrom)) / 1000).toBe(300);
  });
});

function privateKey(): KeyObject {
  return createPrivateKey(readFileSync(join(scratch, 'key.pem')));
}
