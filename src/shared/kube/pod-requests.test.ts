import { expect, test } from 'vitest';
import { podRequests, wholeUnits, type RequestingPod } from '#shared/kube/pod-requests.ts';

const container = (name: string, requests: Record<string, string>, restartPolicy?: string) => ({
  name,
  resources: { requests },
  ...(restartPolicy && { restartPolicy }),
});

test.for<[string, RequestingPod, Record<string, number>]>([
  [
    'containers add up, overhead on top',
    {
      spec: {
        containers: [container('a', { cpu: '100m', memory: '1Gi' }), container('b', { cpu: '1' })],
        overhead: { cpu: '250m' },
      },
    },
    { cpu: 1350, memory: 2 ** 30 },
  ],
  [
    'the largest init container counts, with the sidecars before it',
    {
      spec: {
        containers: [container('a', { cpu: '1' })],
        initContainers: [
          container('first', { cpu: '3' }),
          container('sidecar', { cpu: '500m' }, 'Always'),
          container('second', { cpu: '2' }),
        ],
      },
    },
    { cpu: 3000 },
  ],
  [
    'pod-level requests replace the sum',
    {
      spec: {
        containers: [container('a', { cpu: '1', 'example.com/x': '2' })],
        resources: { requests: { cpu: '2', memory: '1Ki' } },
      },
    },
    { cpu: 2000, memory: 1024, 'example.com/x': 2 },
  ],
  [
    'a resize counts what is more, unless it is infeasible',
    {
      spec: { containers: [container('a', { cpu: '3' })] },
      status: {
        conditions: [{ type: 'PodResizePending', reason: 'Infeasible' }],
        containerStatuses: [
          { name: 'a', allocatedResources: { cpu: '1' }, resources: { requests: { cpu: '2' } } },
        ],
      },
    },
    { cpu: 2000 },
  ],
])('%s', ([, pod, expected]) => {
  expect(Object.fromEntries(podRequests(pod, { useStatus: true }))).toEqual(expected);
});

test('fractions of a unit add up before they are rounded', () => {
  const pod = {
    spec: { containers: [container('a', { cpu: '400u' }), container('b', { cpu: '600u' })] },
  };
  expect(wholeUnits(podRequests(pod).get('cpu') ?? 0)).toBe(1);
});
