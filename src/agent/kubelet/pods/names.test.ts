import { expect, test } from 'vitest';
import type { PodSpec } from '#shared/api/types/core-v1.ts';
import { pod } from '../../../../test/support/kubelet/pods.ts';
import { withDefaultTag } from '../images/reference.ts';
import { parseResolvConf, podDns } from './dns.ts';
import { hostnameOf, kernelHostname } from './hostname.ts';
import { hostsFile } from './hosts-file.ts';

const domain = 'cluster.local';
const sources = {
  host: parseResolvConf(
    'search home.example.\nnameserver 192.0.2.1\noptions ndots:1 rotate\n# end',
  ),
  clusterDns: '10.96.0.10',
  clusterDomain: domain,
};
const clusterSearches = ['n.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];

test.each<[string, Partial<PodSpec>, object]>([
  [
    'ClusterFirst',
    {},
    {
      servers: ['10.96.0.10'],
      searches: [...clusterSearches, 'home.example'],
      options: ['ndots:5', 'rotate'],
    },
  ],
  [
    'ClusterFirst on the network of the host',
    { hostNetwork: true },
    { servers: ['192.0.2.1'], searches: ['home.example'], options: ['ndots:1', 'rotate'] },
  ],
  [
    'None and settings of its own',
    {
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['192.0.2.9'],
        searches: ['a.example'],
        options: [{ name: 'edns0' }],
      },
    },
    { servers: ['192.0.2.9'], searches: ['a.example'], options: ['edns0'] },
  ],
  [
    'settings over those of the policy',
    {
      dnsConfig: {
        nameservers: ['10.96.0.10', '192.0.2.9'],
        options: [{ name: 'ndots', value: '2' }],
      },
    },
    {
      servers: ['10.96.0.10', '192.0.2.9'],
      searches: [...clusterSearches, 'home.example'],
      options: ['ndots:2', 'rotate'],
    },
  ],
])('names are resolved by %s', (_, spec, expected) => {
  expect(podDns(pod(spec), sources)).toEqual(expected);
});

test.each<[Partial<PodSpec>, string, string]>([
  [{}, 'p', 'p'],
  [{ hostname: 'own' }, 'own', 'own'],
  [{ subdomain: 'sub' }, 'p', 'p'],
  [{ subdomain: 'sub', setHostnameAsFQDN: true }, 'p', 'p.sub.n.svc.cluster.local'],
  [{ setHostnameAsFQDN: true }, 'p', 'p'],
  [{ hostnameOverride: 'any.name', subdomain: 'sub' }, 'any.name', 'any.name'],
])('a pod with %j calls itself', (spec, hostname, kernel) => {
  const given = pod(spec);
  expect([hostnameOf(given, domain).hostname, kernelHostname(given, domain)]).toEqual([
    hostname,
    kernel,
  ]);
});

test('a name that is too long is cut where a name may end', () => {
  const { hostname } = hostnameOf(pod({}, { name: `${'a'.repeat(60)}-bc-def` }), domain);
  expect(hostname).toBe(`${'a'.repeat(60)}-bc`);
});

test('a whole name that Linux does not take is an error that says how long it is', () => {
  const given = pod({ hostname: 'h'.repeat(50), subdomain: 'sub', setHostnameAsFQDN: true });
  expect(() => kernelHostname(given, domain)).toThrow('too long (64 characters is the max, 74');
});

test('/etc/hosts names the pod and its aliases', () => {
  const given = pod({ hostAliases: [{ ip: '192.0.2.7', hostnames: ['x', 'y.example'] }] });
  const text = hostsFile(
    given,
    { hostname: 'p', domain: 'sub.n.svc.cluster.local' },
    { podIps: ['10.0.0.1'], own: '' },
  );
  expect(text.split('\n').slice(-5)).toEqual([
    '10.0.0.1\tp.sub.n.svc.cluster.local\tp',
    '',
    '# Entries added by HostAliases.',
    '192.0.2.7\tx\ty.example',
    '',
  ]);
});

test.each([
  ['busybox', 'busybox:latest'],
  ['busybox:1', 'busybox:1'],
  ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
  [`a@sha256:${'0'.repeat(64)}`, `a@sha256:${'0'.repeat(64)}`],
])('the image %s is %s', (image, expected) => {
  expect(withDefaultTag(image)).toBe(expected);
});

test.each(['UPPER/Case:1', 'Case', 'a b', '', 'a::b'])('%j is no image', (image) => {
  expect(() => withDefaultTag(image)).toThrow("couldn't parse image name");
});
