import { expect, test } from 'vitest';
import type { Secret } from '#shared/api/types/core-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { pod } from '../../../../test/support/kubelet/pods.ts';
import type { ClusterObjects } from '../objects.ts';
import { credentialsFor, pullSecrets } from './credentials.ts';

function holding(secrets: Readonly<Record<string, Secret | Error>>): ClusterObjects {
  return {
    async secret(_: string, name: string) {
      const { [name]: found } = secrets;
      if (found instanceof Error) throw found;
      return found;
    },
  } as unknown as ClusterObjects;
}

function secretOf(auths: object): Secret {
  const text = Buffer.from(JSON.stringify({ auths })).toString('base64');
  return { data: { '.dockerconfigjson': text } } as unknown as Secret;
}

const auth = Buffer.from('user:pass:word').toString('base64');
const wanting = pod({ imagePullSecrets: [{ name: 'there' }, { name: 'gone' }] });

test('a secret that does not exist is missing', async () => {
  const there = secretOf({});
  expect(await pullSecrets(wanting, holding({ there }))).toEqual({
    secrets: [there],
    missing: ['gone'],
  });
});

test('one that cannot be read is not: it is read again before anything is pulled without it', async () => {
  const gone = new ApiError('Forbidden', 'not yet');
  await expect(pullSecrets(wanting, holding({ there: secretOf({}), gone }))).rejects.toThrow(
    'not yet',
  );
});

test.each([
  ['its registry', { 'registry.test': { auth } }, 'registry.test/a/b:1', ['user pass:word']],
  [
    'a path of it',
    { 'https://registry.test/a/': { auth } },
    'registry.test/a/b:1',
    ['user pass:word'],
  ],
  ['another path', { 'registry.test/c': { auth } }, 'registry.test/a/b:1', []],
  ['Docker Hub', { 'https://index.docker.io/v1/': { auth } }, 'busybox', ['user pass:word']],
  [
    'several, the most specific first',
    { 'registry.test': { username: 'all' }, 'registry.test/a': { username: 'a' } },
    'registry.test/a/b:1',
    ['a ', 'all '],
  ],
])('logins for an image: %s', (_, auths, image, expected) => {
  const found = credentialsFor(image, [secretOf(auths)]);
  expect(found.map(({ username, password }) => `${username} ${password}`)).toEqual(expected);
});
