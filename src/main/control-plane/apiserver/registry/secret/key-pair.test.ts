import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyPairProblem } from './key-pair.ts';

type Pair = Readonly<Record<'certificate' | 'key', Buffer>>;

let folder: string;
let pairs: Readonly<Record<'one' | 'other' | 'curve', Pair>>;

function make(name: string, ...algorithm: string[]): Pair {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', `/CN=${name}`, '-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-nodes', '-newkey', ...algorithm, ...subject], {
    stdio: 'ignore',
  });
  return { certificate: readFileSync(certificate), key: readFileSync(key) };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pilothouse-pairs-'));
  pairs = {
    one: make('one', 'rsa:2048'),
    other: make('other', 'rsa:2048'),
    curve: make('curve', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

const empty = Buffer.alloc(0);
const text = (what: string): Buffer => Buffer.from(what);
const foreign = (type: string): Buffer =>
  text(`-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`);

test('A certificate and its own key are a pair, behind an intermediate too', () => {
  const { one, other, curve } = pairs;
  const chain = Buffer.concat([one.certificate, other.certificate]);
  const found = [one, curve, { ...one, certificate: chain }].map(({ certificate, key }) =>
    keyPairProblem(certificate, key),
  );
  expect(found).toEqual([undefined, undefined, undefined]);
});

test("What is no pair is told in Go's words", () => {
  const { one, other, curve } = pairs;
  const words = (certificate: Buffer, key: Buffer): string | undefined =>
    keyPairProblem(certificate, key)?.replace(/^tls: /, '');
  expect([
    words(empty, empty),
    words(one.key, one.key),
    words(foreign('X509 CRL'), one.key),
    words(one.certificate, empty),
    words(one.certificate, one.certificate),
    words(one.certificate, foreign('EC PARAMETERS')),
    words(foreign('CERTIFICATE'), one.key),
    words(one.certificate, foreign('RSA PRIVATE KEY')),
    words(one.certificate, other.key),
    words(one.certificate, curve.key),
  ]).toEqual([
    'failed to find any PEM data in certificate input',
    'failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    'failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [X509 CRL]',
    'failed to find any PEM data in key input',
    'found a certificate rather than a key in the PEM for the private key',
    'failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [EC PARAMETERS]',
    'x509: malformed certificate',
    'failed to parse private key',
    'private key does not match public key',
    'private key type does not match public key type',
  ]);
});
