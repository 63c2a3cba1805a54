import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { certificateRequest } from '#agent/certificates/certificate-request.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { requestProblem } from './serving-certificates.ts';

function node(name: string, ...addresses: string[]): Node {
  const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) };
  return { metadata: { name }, spec: {}, status } as unknown as Node;
}

const all = [node('a', '10.0.0.1', '10.0.0.9', 'fd00::1'), node('b', '10.0.0.2', '10.0.0.9')];
const usages = ['digital signature', 'server auth'];

test.each([
  { what: 'its own names', names: ['a', '10.0.0.1', 'fd00::1'], problem: /^$/ },
  {
    what: 'an address that is not its own',
    names: ['a', '10.0.0.3'],
    problem: /10\.0\.0\.3 is none/,
  },
  { what: "another node's name", names: ['a', 'b'], problem: /^b is none/ },
  { what: 'an address that two claim', names: ['10.0.0.9'], problem: /10\.0\.0\.9 is another/ },
  { what: 'no names at all', names: [], problem: /subjectAltName is required/ },
  { what: 'another use', names: ['a'], usages: ['client auth'], problem: /usages did not match/ },
  {
    what: "another node's certificate",
    names: ['a'],
    username: 'system:node:b',
    problem: /asks for/,
  },
  { what: 'a node that is not there', names: ['c'], node: 'c', problem: /there is no node c/ },
])('a node that asks for $what', ({ names, problem, node: name = 'a', ...given }) => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const asked = { commonName: `system:node:${name}`, organization: 'system:nodes' };
  const request = certificateRequest({ ...asked, alternativeNames: names }, keys);
  const spec = {
    request: btoa(request),
    signerName: 'kubernetes.io/kubelet-serving',
    usages: given.usages ?? usages,
    username: given.username ?? asked.commonName,
  };
  expect(requestProblem({ spec }, all) ?? '').toMatch(problem);
});
