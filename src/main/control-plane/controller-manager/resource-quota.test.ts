import { expect, test } from 'vitest';
import { pods } from '#shared/api/core/pod.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import type { Pod, ResourceQuota } from '#shared/api/types/core-v1.ts';
import type { Cache, Wake } from '#shared/kube/controller.ts';
import type { Kinds } from './kinds.ts';
import { createResourceQuotaController } from './resource-quota.ts';

const metadata = { namespace: 'a', name: 'q' };
const quotaOf = (limit: string, used?: string): ResourceQuota =>
  ({
    metadata,
    spec: { hard: { pods: limit } },
    status: { ...(used && { used: { pods: used } }) },
  }) as unknown as ResourceQuota;
const podOf = (spec: object, status: object): Pod =>
  ({ metadata: { namespace: 'a', name: 'p' }, spec, status }) as unknown as Pod;

const cache = {
  inNamespace: (kind: unknown) => (kind === resourceQuotas ? [{ metadata }] : []),
} as unknown as Cache;
const { wakes, triggers } = createResourceQuotaController({ all: [pods] } as unknown as Kinds);
const count = (woken: Iterable<Wake> = []): number => [...woken].length;

test.each([
  ['is new', undefined, quotaOf('2'), 1],
  ['has another limit', quotaOf('2'), quotaOf('3'), 1],
  // Counting now would take back what is charged for pods that are about to be stored.
  ['has been charged', quotaOf('2', '0'), quotaOf('2', '1'), 0],
])('a quota that %s', (_, before, after, expected) => {
  expect(count(wakes?.({ before, after }, cache))).toBe(expected);
});

const pending = podOf({}, { phase: 'Pending' });
const container = (cpu: string) => ({ name: 'c', resources: { requests: { cpu } } });
const running = podOf({ nodeName: 'n' }, { phase: 'Running', containerStatuses: [container('1')] });
const resized = podOf({ nodeName: 'n' }, { phase: 'Running', containerStatuses: [container('2')] });
const over = podOf({ nodeName: 'n' }, { phase: 'Succeeded' });
const limited = podOf({ activeDeadlineSeconds: 1 }, { phase: 'Pending' });

test.each([
  ['is created', undefined, pending, 0],
  ['is bound and runs', pending, running, 0],
  ['is resized', running, resized, 1],
  ['is over', running, over, 1],
  ['is given a deadline', pending, limited, 1],
  ['is gone', over, undefined, 1],
])('a pod that %s wakes as many quotas as have to be counted', (_, before, after, expected) => {
  const woken = triggers?.flatMap((each) => [...each.wakes({ before, after }, cache)]);
  expect(count(woken)).toBe(expected);
});
