import { expect, test } from 'vitest';
import type { Event } from '#shared/api/types/core-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { activityOf } from './activity.ts';
import { capacityOf } from './capacity.ts';
import { editsOf } from './edits.ts';

const pod = (nodeName: string, cpu: string, phase = 'Running') => ({
  spec: { nodeName, containers: [{ name: 'a', resources: { requests: { cpu } } }] },
  status: { phase },
});

test('nodes show what is asked of them, the fullest first; what is not known is not zero', () => {
  const node = (name: string, allocatable: Readonly<Record<string, string>>) => ({
    metadata: { name },
    status: { allocatable },
  });
  const capacity = capacityOf(
    [node('a', { cpu: '4', memory: '8Gi' }), node('b', { cpu: '2', pods: '110' })],
    [pod('a', '1'), pod('b', '1500m'), pod('b', '1', 'Succeeded')],
  );
  expect(capacity.map(({ name, bars }) => [name, ...bars.map(({ text }) => text)])).toEqual([
    ['b', '1.5 of 2', '0 of –', '1 of 110'],
    ['a', '1 of 4', '0 of 8Gi', '1 of –'],
  ]);
  expect(capacity[0]!.bars.map(({ share }) => share)).toEqual([0.75, undefined, 1 / 110]);
});

test('activity is the newest first, repeated lines are one', () => {
  const event = (name: string, reason: string, lastTimestamp: string, count: number): Event => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '',
    },
    involvedObject: { kind: 'Pod', namespace: 'default', name: 'web', uid: 'u' },
    reason,
    message: 'm',
    type: 'Warning',
    lastTimestamp,
    count,
    source: {},
    reportingComponent: '',
    reportingInstance: '',
  });
  const events = [
    event('1', 'BackOff', '2026-01-01T00:00:01Z', 2),
    event('2', 'Started', '2026-01-01T00:00:02.900000Z', 1),
    event('3', 'BackOff', '2026-01-01T00:00:03Z', 3),
  ];
  const lines = activityOf(events, [], 10);
  expect(lines.map(({ object, reason, count }) => [object.key, reason, count])).toEqual([
    ['default/web', 'BackOff', 5],
    ['default/web', 'Started', 1],
  ]);
  expect(activityOf(events, [], 1)).toHaveLength(1);
});

test('who changed what is told, but for what the cluster does by itself', () => {
  const field = (manager: string, operation: string, time: string, subresource?: string) => ({
    manager,
    operation,
    time,
    ...(subresource !== undefined && { subresource }),
  });
  const managedFields = [
    field('kubectl-create', 'Update', '2026-01-01T00:00:01Z'),
    field('kube-controller-manager', 'Update', '2026-01-01T00:00:02Z', 'status'),
    field('helm', 'Apply', '2026-01-01T00:00:03Z'),
  ];
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'u', managedFields },
  } as unknown as KubeObject;
  const lines = activityOf([], editsOf([object]), 10);
  expect(lines.map(({ object, reason, message }) => [object.key, reason, message])).toEqual([
    ['default/web', 'Applied', 'by helm'],
    ['default/web', 'Changed', 'by kubectl-create'],
  ]);
});
