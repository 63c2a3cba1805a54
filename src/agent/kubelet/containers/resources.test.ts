import { expect, test } from 'vitest';
import type { Container, PodSpec } from '#shared/api/types/core-v1.ts';
import { container, pod, sidecar } from '../../../../test/support/kubelet/pods.ts';
import {
  containerResources,
  oomScoreAdjustment,
  podResources,
  sandboxResources,
} from './linux-resources.ts';
import { qualityOfService } from './quality-of-service.ts';

const of = (requests: object | undefined, limits?: object): Pick<Container, 'resources'> =>
  ({ resources: { ...(requests && { requests }), ...(limits && { limits }) } }) as never;

test.each<[string, Partial<PodSpec>, string]>([
  ['nothing', {}, 'BestEffort'],
  ['a request', { containers: [container('c', of({ cpu: '1' }))] }, 'Burstable'],
  ['a zero', { containers: [container('c', of({ cpu: '0' }))] }, 'BestEffort'],
  [
    'requests equal to limits, in other words',
    {
      containers: [
        container('c', of({ cpu: '1', memory: '1Gi' }, { cpu: '1000m', memory: '1024Mi' })),
      ],
    },
    'Guaranteed',
  ],
  [
    'one of two that is limited',
    {
      containers: [
        container('c', of({ cpu: '1', memory: '1' }, { cpu: '1', memory: '1' })),
        container('d'),
      ],
    },
    'Burstable',
  ],
  [
    'an init container that asks',
    { initContainers: [container('i', of({ cpu: '1' }))] },
    'Burstable',
  ],
  [
    'the pod itself',
    { resources: { limits: { cpu: '1', memory: '1' }, requests: { cpu: '1', memory: '1' } } },
    'Guaranteed',
  ],
])('a pod with %s has quality of service', (_, spec, expected) => {
  expect(qualityOfService(pod(spec))).toBe(expected);
});

test.each<[string, Pick<Container, 'resources'>, object]>([
  ['nothing', of(undefined), { cpuShares: 2, cpuQuota: 0, memoryLimitInBytes: 0 }],
  ['a tiny request', of({ cpu: '1m' }, { cpu: '5m' }), { cpuShares: 2, cpuQuota: 1000 }],
  ['half a CPU at most', of(undefined, { cpu: '500m' }), { cpuShares: 512, cpuQuota: 50_000 }],
  ['more than can be shared', of({ cpu: '1000' }), { cpuShares: 262_144 }],
  ['memory', of({ memory: '1' }, { memory: '64Mi' }), { memoryLimitInBytes: 67_108_864 }],
])('a container with %s', (_, resources, expected) => {
  const own = container('c', resources);
  expect(containerResources(pod({ containers: [own] }), own)).toMatchObject(expected);
});

test('a pod is limited only where all its containers are, its sandbox is told what is stated', () => {
  const limited = container('c', of(undefined, { cpu: '100m', memory: '32Mi' }));
  const mixed = pod({ containers: [limited, container('d')] });
  const whole = pod({
    containers: [limited],
    initContainers: [
      sidecar('s', of(undefined, { cpu: '50m', memory: '1Mi' })),
      container('i', of(undefined, { cpu: '300m', memory: '2Mi' })),
    ],
    overhead: { cpu: '10m', memory: '1Mi' },
  });
  const quotas = [mixed, whole].map((one) => [
    podResources(one).cpuQuota,
    podResources(one).memoryLimitInBytes,
    sandboxResources(one).cpuQuota,
    sandboxResources(one).memoryLimitInBytes,
  ]);
  const mebibyte = 1024 * 1024;
  expect(quotas).toEqual([
    [0, 0, 10_000, 32 * mebibyte],
    [36_000, 34 * mebibyte, 35_000, 33 * mebibyte],
  ]);
});

const gibibyte = 1024 ** 3;
test.each<[string, Partial<PodSpec>, number]>([
  ['nothing asked', {}, 1000],
  [
    'everything guaranteed',
    { containers: [container('c', of({ cpu: '1', memory: '1' }, { cpu: '1', memory: '1' }))] },
    -997,
  ],
  ['a quarter of the memory', { containers: [container('c', of({ memory: '1Gi' }))] }, 750],
  ['hardly any memory', { containers: [container('c', of({ memory: '1' }))] }, 999],
  ['all of the memory', { containers: [container('c', of({ memory: '4Gi' }))] }, 3],
  ['the highest priority', { priority: 2_000_001_000 }, -997],
])('out of memory, the container of a pod with %s', (_, spec, expected) => {
  const given = pod(spec);
  expect(oomScoreAdjustment(given, given.spec.containers[0]!, 4 * gibibyte)).toBe(expected);
});

test('a sidecar is not killed before the containers that it serves', () => {
  const side = sidecar('s', of({ memory: '1' }));
  const given = pod({
    initContainers: [side],
    containers: [container('c', of({ memory: '2Gi' }))],
  });
  expect(oomScoreAdjustment(given, side, 4 * gibibyte)).toBe(500);
});
