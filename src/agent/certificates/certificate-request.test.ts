import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { parseCertificateRequest } from '#shared/api/certificates/certificate-request.ts';
import { certificateRequest } from './certificate-request.ts';

const names = { commonName: 'system:node:a', organization: 'system:nodes' };

test.each([
  { what: 'no names', alternativeNames: [], dnsNames: [], ipAddresses: [] },
  {
    what: 'names and addresses',
    alternativeNames: ['a', '10.0.0.1', 'fd00::1'],
    dnsNames: ['a'],
    ipAddresses: ['10.0.0.1', 'fd00:0:0:0:0:0:0:1'],
  },
  {
    what: 'more than a short length tells',
    alternativeNames: Array.from({ length: 40 }, (_, at) => `machine-${at}.example`),
    dnsNames: Array.from({ length: 40 }, (_, at) => `machine-${at}.example`),
    ipAddresses: [],
  },
])('a request with $what says what it was told', ({ alternativeNames, dnsNames, ipAddresses }) => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = certificateRequest({ ...names, alternativeNames }, keys);
  expect(parseCertificateRequest(btoa(pem))).toEqual({
    commonName: 'system:node:a',
    organizations: ['system:nodes'],
    dnsNames,
    ipAddresses,
    emailAddresses: [],
    uris: [],
  });
});
