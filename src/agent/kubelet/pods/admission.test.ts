import { expect, test } from 'vitest';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { container, pod } from '../../../../test/support/kubelet/pods.ts';
import { refusalOf } from './admission.ts';

const sources = {
  node: { metadata: { name: 'node', labels: { zone: 'a' } }, spec: {} } as never,
  allocatable: { cpu: '2', memory: '1Gi', pods: '2' },
  others: [] as readonly Pod[],
  hasGroupsPolicy: false,
  hasAppArmor: false,
  pressures: [] as readonly string[],
};
const asking = (cpu: string): Pod =>
  pod({ containers: [container('c', { resources: { requests: { cpu } } })] });
const listening = pod({
  containers: [container('c', { ports: [{ containerPort: 80, hostPort: 80 }] })],
});
const sysctl = (name: string): Pod['spec']['securityContext'] => ({
  sysctls: [{ name, value: '1' }],
});

test.each<[string, Pod, Partial<typeof sources>, string | undefined]>([
  ['fits', asking('2'), {}, undefined],
  ['asks for too much CPU', asking('3'), {}, 'OutOfcpu'],
  ['asks for more than is left', asking('1500m'), { others: [asking('1')] }, 'OutOfcpu'],
  ['is one too many', pod({}), { others: [pod({}), pod({})] }, 'OutOfpods'],
  [
    'asks for what nobody has',
    pod({ containers: [container('c', { resources: { requests: { 'example.com/x': '1' } } })] }),
    {},
    undefined,
  ],
  ['is for another system', pod({ os: { name: 'windows' } }), {}, 'PodOSNotSupported'],
  ['selects other nodes', pod({ nodeSelector: { zone: 'b' } }), {}, 'NodeAffinity'],
  ['wants a port that is taken', listening, { others: [listening] }, 'NodePorts'],
  [
    'sets what is safe',
    pod({ securityContext: sysctl('net.ipv4.tcp_syncookies')! }),
    {},
    undefined,
  ],
  [
    'sets it with slashes',
    pod({ securityContext: sysctl('net/ipv4/tcp_syncookies')! }),
    {},
    undefined,
  ],
  ['sets what is not', pod({ securityContext: sysctl('kernel.msgmax')! }), {}, 'SysctlForbidden'],
  [
    'sets the network of the host',
    pod({ hostNetwork: true, securityContext: sysctl('net.ipv4.tcp_syncookies')! }),
    {},
    'SysctlForbidden',
  ],
  [
    'asks for AppArmor where there is none',
    pod({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }),
    {},
    'AppArmor',
  ],
  [
    'is strict about groups',
    pod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
    {},
    'SupplementalGroupsPolicyNotSupported',
  ],
])('a pod that %s', (_, given, more, reason) => {
  expect(refusalOf(given, { ...sources, ...more })?.reason).toBe(reason);
});

test('a refusal for want of room says how much is asked, used and there', () => {
  expect(refusalOf(asking('1500m'), { ...sources, others: [asking('1')] })?.message).toBe(
    "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  );
});
