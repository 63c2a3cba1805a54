import { expect, test } from 'vitest';
import type { Pod, PodCondition, PodStatus } from '#shared/api/types/core-v1.ts';
import { told } from './status-writer.ts';

const condition = (type: string, status: string): PodCondition => ({ type, status });

function pod(version: string, one: PodCondition): Pick<Pod, 'metadata' | 'status'> {
  const status: PodStatus = { phase: 'Running', conditions: [one] };
  return { metadata: { name: 'a', uid: '1', resourceVersion: version }, status } as Pod;
}

const [ready, unready] = [condition('Ready', 'True'), condition('Ready', 'False')];
const status = { phase: 'Running', conditions: [ready, condition('ContainersReady', 'True')] };
const written = { status, version: 20 };

test.each([
  { what: 'nothing was written yet', at: pod('19', unready), before: undefined, holds: 'False' },
  { what: 'it is older than what was written', at: pod('19', unready), holds: 'True' },
  { what: 'it is as it was written', at: pod('20', ready), holds: 'True' },
  { what: 'its node was called silent since', at: pod('21', unready), holds: 'False' },
  { what: 'others changed other things', at: pod('21', condition('a/b', 'False')), holds: 'True' },
])('where $what, the API holds that a pod is ready: $holds', ({ at, holds, ...more }) => {
  const base = told(at, 'before' in more ? more.before : written);
  expect(base.conditions?.find(({ type }) => type === 'Ready')?.status).toBe(holds);
});
