import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { anonymous } from '#main/control-plane/apiserver/authentication/anonymous.ts';
import type { Credentials } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { createBootstrapTokens } from '#main/control-plane/apiserver/authentication/bootstrap-tokens.ts';
import { createClientCertificates } from '#main/control-plane/apiserver/authentication/client-certificates.ts';
import { createServiceAccountTokens } from '#main/control-plane/apiserver/authentication/service-account-tokens.ts';
import { createTokenIssuer } from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import { createTokenRequests } from '#main/control-plane/apiserver/authentication/token-request.ts';
import { createAuthenticator } from '#main/control-plane/apiserver/authentication/union.ts';
import { nodes } from '#shared/api/core/node.ts';
import { pods } from '#shared/api/core/pod.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { FakeClock } from '../../../../../test/support/fake-clock.ts';
import { MemoryObjectCache } from '../../../../../test/support/object-cache.ts';

const issuerUrl = 'https://kubernetes.default.svc.cluster.local';
const keys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

let clock: FakeClock;
let objects: MemoryObjectCache;
const bearer = (token: string): Credentials => ({ authorization: `Bearer ${token}`, headers: {} });

function start() {
  const issuer = createTokenIssuer({ issuer: issuerUrl, audiences: [issuerUrl], keys, clock });
  const tokens = createServiceAccountTokens({ issuer, objects, clock });
  const bootstrap = createBootstrapTokens({ objects, audiences: [issuerUrl], clock });
  const issueToken = createTokenRequests({ issuer, objects, clock });
  const everybody = createAuthenticator({ authenticators: [tokens, bootstrap], anonymous });
  const request = async (spec: object): Promise<string> => {
    const account = { namespace: 'web', name: 'front' };
    const answer = await issueToken(account, { metadata: {}, spec: { audiences: [], ...spec } });
    return answer.status.token;
  };
  return { issuer, everybody, issueToken, request };
}

beforeEach(() => {
  clock = new FakeClock();
  objects = new MemoryObjectCache();
  objects.put(serviceAccounts, { metadata: { namespace: 'web', name: 'front', uid: 'sa-1' } });
  objects.put(nodes, { metadata: { name: 'a', uid: 'node-1' } });
  objects.put(pods, {
    metadata: { namespace: 'web', name: 'p', uid: 'pod-1' },
    spec: { serviceAccountName: 'front', nodeName: 'a', containers: [] },
  });
  objects.put(secrets, { metadata: { namespace: 'web', name: 's', uid: 'secret-1' } });
});

const podRef = { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } };

describe('a service-account token', () => {
  test('makes its bearer the account, with what it is bound to', async () => {
    const { everybody, request } = start();
    const token = await request(podRef);
    const known = await everybody.authenticate(bearer(token));
    const { jti } = payloadOf(token);
    expect(known).toEqual({
      audiences: [issuerUrl],
      user: {
        name: 'system:serviceaccount:web:front',
        uid: 'sa-1',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:web', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/pod-name': ['p'],
          'authentication.kubernetes.io/pod-uid': ['pod-1'],
          'authentication.kubernetes.io/node-name': ['a'],
          'authentication.kubernetes.io/node-uid': ['node-1'],
          'authentication.kubernetes.io/credential-id': [`JTI=${String(jti)}`],
        },
      },
    });
  });

  test('is the same caller each time, so that what is known of one is known of the next', async () => {
    const { everybody, request } = start();
    const token = await request({});
    const first = await everybody.authenticate(bearer(token));
    expect((await everybody.authenticate(bearer(token)))?.user).toBe(first?.user);
  });

  test.each([
    ['has run out', {}, () => clock.advance(3_700_000), 'service account token has expired'],
    [
      'belongs to an account that is gone',
      {},
      () => objects.remove(serviceAccounts, { namespace: 'web', name: 'front' }),
      'serviceaccounts "front" not found',
    ],
    [
      'belongs to an account that was made anew',
      {},
      () =>
        objects.put(serviceAccounts, {
          metadata: { namespace: 'web', name: 'front', uid: 'sa-2' },
        }),
      'service account UID (sa-2) does not match claim (sa-1)',
    ],
    [
      'is bound to a pod that is gone',
      podRef,
      () => objects.remove(pods, { namespace: 'web', name: 'p' }),
      'service account token has been invalidated',
    ],
    [
      'is bound to a secret that was made anew',
      { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's' } },
      () => objects.put(secrets, { metadata: { namespace: 'web', name: 's', uid: 'secret-2' } }),
      'secret UID (secret-2) does not match service account secret ref claim (secret-1)',
    ],
    [
      'is bound to a node that is gone',
      { boundObjectRef: { kind: 'Node', apiVersion: 'v1', name: 'a' } },
      () => objects.remove(nodes, { name: 'a' }),
      'service account token has been invalidated',
    ],
    [
      'is for others',
      { audiences: ['vault'] },
      () => {},
      `token audiences ["vault"] is invalid for the target audiences ["${issuerUrl}"]`,
    ],
  ])('is refused when it %s', async (_, spec, change: () => unknown, why) => {
    const { everybody, request } = start();
    const token = await request(spec);
    await change();
    const refusal = everybody.authenticate(bearer(token));
    await expect(refusal).rejects.toMatchObject({
      reason: 'Unauthorized',
      cause: { message: why },
    });
  });

  test('for others holds where others are asked for', async () => {
    const { everybody, request } = start();
    const token = await request({ audiences: ['vault', 'x'] });
    const known = await everybody.authenticate({ ...bearer(token), audiences: ['vault'] });
    expect(known?.audiences).toEqual(['vault']);
  });

  test('whose signature does not hold is refused', async () => {
    const { everybody, request } = start();
    const [head, , signature] = (await request({})).split('.');
    const forged = { ...payloadOf(await request({})), sub: 'system:serviceaccount:web:admin' };
    const body = Buffer.from(JSON.stringify(forged)).toString('base64url');
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    for (const token of [`${head}.${body}.${signature}`, `${unsigned}.${body}.`])
      await expect(everybody.authenticate(bearer(token))).rejects.toThrow('Unauthorized');
  });

  test('in a secret holds as long as the secret has it', async () => {
    const { everybody, issuer } = start();
    const prefix = 'kubernetes.io/serviceaccount/';
    const token = await issuer.issueLegacy({
      [`${prefix}namespace`]: 'web',
      [`${prefix}secret.name`]: 's',
      [`${prefix}service-account.name`]: 'front',
      [`${prefix}service-account.uid`]: 'sa-1',
      sub: 'system:serviceaccount:web:front',
    });
    const metadata = { namespace: 'web', name: 's' };
    const data = { token: Buffer.from(token).toString('base64') };
    objects.put(secrets, { metadata, data });
    expect((await everybody.authenticate(bearer(token)))?.user.name).toBe(
      'system:serviceaccount:web:front',
    );
    objects.put(secrets, { metadata, data: {} });
    await expect(everybody.authenticate(bearer(token))).rejects.toMatchObject({
      cause: { message: "Token does not match server's copy" },
    });
  });
});

describe('TokenRequest', () => {
  test('that leaves its time open is for an hour', async () => {
    const unsaid = { expirationSeconds: undefined as never };
    const { exp, iat } = payloadOf(await start().request(unsaid));
    expect(Number(exp) - Number(iat)).toBe(3600);
  });

  test('for a kubelet holds for a year and is stale after an hour', async () => {
    const { request } = start();
    const claims = payloadOf(await request({ ...podRef, expirationSeconds: 3607 }));
    const now = clock.now() / 1000;
    expect(claims).toEqual({
      aud: [issuerUrl],
      exp: now + 365 * 86_400,
      iat: now,
      iss: issuerUrl,
      jti: claims['jti'],
      'kubernetes.io': {
        namespace: 'web',
        node: { name: 'a', uid: 'node-1' },
        pod: { name: 'p', uid: 'pod-1' },
        serviceaccount: { name: 'front', uid: 'sa-1' },
        warnafter: now + 3607,
      },
      nbf: now,
      sub: 'system:serviceaccount:web:front',
    });
  });

  test.each([
    [
      { expirationSeconds: 10 },
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes',
    ],
    [{ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'q' } }, 'pods "q" not found'],
    [
      { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'q' } },
      'cannot bind token to object of type apps/v1, Kind=Deployment',
    ],
    [
      { boundObjectRef: { ...podRef.boundObjectRef, uid: 'other' } },
      'Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (other) does not match the UID in record. The object might have been deleted and then recreated',
    ],
  ])('with %j is refused', async (spec, message) => {
    await expect(start().request(spec)).rejects.toThrow(message);
  });
});

test('a stranger who shows nothing is anonymous, one with a token that nobody knows is refused', async () => {
  const { everybody } = start();
  expect((await everybody.authenticate({ headers: {} }))?.user).toEqual({
    name: 'system:anonymous',
    groups: ['system:unauthenticated'],
  });
  await expect(everybody.authenticate(bearer('whatever'))).rejects.toMatchObject({ code: 401 });
});

describe('a bootstrap token', () => {
  const data = {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:zone',
  };
  test.each([
    [
      'a good one',
      {},
      ['system:bootstrappers', 'system:bootstrappers:zone', 'system:authenticated'],
    ],
    ['one that is not for authentication', { 'usage-bootstrap-authentication': '' }, undefined],
    ['one that has expired', { expiration: '2020-01-01T00:00:00Z' }, undefined],
    ['one with a foreign group', { 'auth-extra-groups': 'system:masters' }, undefined],
  ])('%s', async (_, change, groups) => {
    const encoded = Object.entries({ ...data, ...change }).map(
      ([key, value]) => [key, Buffer.from(value).toString('base64')] as const,
    );
    objects.put(secrets, {
      metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
      type: 'bootstrap.kubernetes.io/token',
      data: Object.fromEntries(encoded),
    });
    const { everybody } = start();
    const known = await everybody
      .authenticate(bearer('abcdef.0123456789abcdef'))
      .catch(() => undefined);
    expect(known?.user.groups).toEqual(groups);
  });
});

describe('a client certificate', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'pilothouse-client-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  const file = (name: string): string => join(scratch, name);
  const openssl = (...options: readonly string[]): Buffer =>
    execFileSync('openssl', options, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8'];
  const forClients = 'extendedKeyUsage=clientAuth';

  function authority(name: string): void {
    const output = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
    openssl('req', '-x509', ...key, ...output, '-subj', `/CN=${name}`, '-days', '30');
  }
  function issue(by: string, subject: string, extension: string): Uint8Array {
    openssl('req', '-new', ...key, '-keyout', file('k'), '-out', file('r'), '-subj', subject);
    writeFileSync(file('x'), extension);
    const signer = ['-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`), '-CAcreateserial'];
    const output = ['-extfile', file('x'), '-days', '10', '-out', file('leaf.pem')];
    openssl('x509', '-req', '-in', file('r'), ...signer, ...output);
    return new X509Certificate(readFileSync(file('leaf.pem'))).raw;
  }

  authority('good');
  authority('other');
  const leaf = issue('good', '/O=ops/O=dev, x=y/CN=jänö', forClients);
  const cases: readonly (readonly [string, readonly Uint8Array[], number])[] = [
    ['of another authority', [issue('other', '/CN=eve', forClients)], 0],
    ['for servers', [issue('good', '/CN=eve', 'extendedKeyUsage=serverAuth')], 0],
    ['that has ended', [leaf], 11],
  ];

  const authenticator = (days = 0) =>
    createClientCertificates({
      authorities: readFileSync(file('good.pem'), 'utf8'),
      clock: new FakeClock(Date.now() + days * 86_400_000 + 60_000),
    });

  test('names its user and groups', async () => {
    const known = await authenticator().authenticate({ certificates: [leaf], headers: {} });
    const digest = createHash('sha256').update(leaf).digest('hex');
    expect(known).toEqual({
      user: {
        name: 'jänö',
        groups: ['ops', 'dev, x=y'],
        extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${digest}`] },
      },
    });
  });

  test.each(cases)('%s is refused', async (_, certificates, days) => {
    const authenticate = async () =>
      authenticator(days).authenticate({ certificates, headers: {} });
    await expect(authenticate()).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  test('over an intermediate holds when that is shown too', async () => {
    const middle = issue('good', '/CN=middle', 'basicConstraints=critical,CA:TRUE');
    writeFileSync(file('middle.pem'), new X509Certificate(middle).toString());
    writeFileSync(file('middle.key'), readFileSync(file('k')));
    const certificates = [issue('middle', '/CN=far', forClients), middle];
    const known = await authenticator().authenticate({ certificates, headers: {} });
    expect(known?.user.name).toBe('far');
  });
});

function payloadOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    unknown
  >;
}
