import { describe, expect, test } from 'vitest';
import { nextStep, type NextStep } from '#main/simulation/pod-life.ts';
import type { Pod, PodSpec, PodStatus } from '#shared/api/types/core-v1.ts';

const place = { hostIp: '198.18.0.1', podIp: '10.244.0.2' };
const start = Date.UTC(2026, 0, 1);

function podOf(spec: object, metadata: object = {}): Pod {
  const containers = [{ name: 'c', image: 'i', resources: {} }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'n', name: 'p', uid: 'u', generation: 1, ...metadata },
    spec: { containers, restartPolicy: 'Always', ...spec } as PodSpec,
    status: {
      phase: 'Pending',
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: '2025-12-31T00:00:00Z' },
      ],
    },
  } as unknown as Pod;
}

/** Plays a pod's life, each step when it is due; what each step says, in short. */
function play(pod: Pod, steps = 12): string[] {
  const said: string[] = [];
  let { status } = pod;
  let time = start;
  let isDue = false;
  for (let i = 0; i < steps; i++) {
    const step: NextStep = nextStep({ ...pod, status }, place, { time, isDue, isPlanned: false });
    if (step.status) said.push(inShort((status = step.status)));
    if (step.isGone) said.push('gone');
    if (step.afterMs === undefined || step.isGone) break;
    time += step.afterMs;
    isDue = true;
  }
  return said;
}

function inShort({ phase, conditions = [], ...status }: PodStatus): string {
  const states = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(
    ({ name, state, restartCount }) => {
      const { waiting, running, terminated } = state;
      const shown = waiting?.reason ?? (running ? 'running' : `${terminated?.reason}`);
      return `${name}:${shown}${restartCount ? `x${restartCount}` : ''}`;
    },
  );
  const shown = conditions.map(
    ({ type, status, reason }) => `${letters[type]}${status === 'True' ? '+' : '-'}${reason ?? ''}`,
  );
  return `${phase} ${states.join(' ')} ${shown.join(' ')}`;
}

const letters: Readonly<Record<string, string>> = {
  PodReadyToStartContainers: 'N',
  Initialized: 'I',
  Ready: 'R',
  ContainersReady: 'C',
  PodScheduled: 'S',
};

const creating = 'Pending c:ContainerCreating N- I+ R-ContainersNotReady C-ContainersNotReady S+';
const runs = 'Running c:running N+ I+ R+ C+ S+';
const ends = { 'pilothouse.dev/exit-after': '5s' };
const fails = { ...ends, 'pilothouse.dev/exit-code': '3' };
const crashed = (count: string): string =>
  `Running c:Error${count} N+ I+ R-ContainersNotReady C-ContainersNotReady S+`;

describe('a pod lives as on a real node', () => {
  test.each<[string, Pod, string[]]>([
    ['one that runs', podOf({}), [creating, runs]],
    [
      'one that completes',
      podOf({ restartPolicy: 'Never' }, { annotations: ends }),
      [creating, runs, 'Succeeded c:Completed N- I+PodCompleted R-PodCompleted C-PodCompleted S+'],
    ],
    [
      'one that fails',
      podOf({ restartPolicy: 'Never' }, { annotations: fails }),
      [creating, runs, 'Failed c:Error N- I+ R-PodFailed C-PodFailed S+'],
    ],
    [
      'one with init containers and a sidecar',
      podOf({ initContainers: [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }] }),
      [
        'Pending i:PodInitializing s:PodInitializing c:PodInitializing N- I-ContainersNotInitialized R-ContainersNotReady C-ContainersNotReady S+',
        'Pending i:running s:PodInitializing c:PodInitializing N+ I-ContainersNotInitialized R-ContainersNotReady C-ContainersNotReady S+',
        'Pending i:Completed s:PodInitializing c:PodInitializing N+ I-ContainersNotInitialized R-ContainersNotReady C-ContainersNotReady S+',
        'Pending i:Completed s:running c:PodInitializing N+ I+ R-ContainersNotReady C-ContainersNotReady S+',
        'Running i:Completed s:running c:running N+ I+ R+ C+ S+',
      ],
    ],
    [
      'one whose gate is closed',
      podOf({ readinessGates: [{ conditionType: 'x/y' }] }),
      [creating, 'Running c:running N+ I+ R-ReadinessGatesNotReady C+ S+'],
    ],
    [
      'one that is never ready',
      podOf({}, { annotations: { 'pilothouse.dev/ready-after': 'never' } }),
      [creating, 'Running c:running N+ I+ R-ContainersNotReady C-ContainersNotReady S+'],
    ],
    [
      'one that is deleted while something holds it',
      podOf({}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] }),
      ['Succeeded c:Completed N- I+PodCompleted R-PodCompleted C-PodCompleted S+'],
    ],
    [
      'one that is deleted with grace',
      podOf({}, { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 }),
      ['gone'],
    ],
  ])('%s', (_, pod, says) => {
    expect(play(pod)).toEqual(says);
  });

  test('one that crashes is started again at once, then after a back-off', () => {
    expect(play(podOf({}, { annotations: fails }), 8)).toEqual([
      creating,
      runs,
      crashed(''),
      'Running c:runningx1 N+ I+ R+ C+ S+',
      crashed('x1'),
      'Running c:CrashLoopBackOffx1 N+ I+ R-ContainersNotReady C-ContainersNotReady S+',
      'Running c:runningx2 N+ I+ R+ C+ S+',
      crashed('x2'),
    ]);
  });

  test.each([
    ['is as it says', 'True', [undefined, undefined]],
    ['was called unready with its node', 'False', ['R+', 'R+']],
  ])('one that runs and %s', (_, ready, says) => {
    const pod = podOf({});
    const { status } = nextStep(pod, place, { time: start, isDue: true, isPlanned: false });
    const conditions = status!.conditions!.map((one) => ({
      ...one,
      ...(one.type === 'Ready' && { status: ready }),
      lastProbeTime: null,
    }));
    const found = { ...pod, status: { ...status!, conditions } } as unknown as Pod;
    const told = [true, false].map((isPlanned) => {
      const step = nextStep(found, place, { time: start, isDue: false, isPlanned });
      return step.status && / (R\S+)/.exec(inShort(step.status))?.[1];
    });
    expect(told).toEqual(says);
  });

  test('one that takes time to end gets no more than its grace', () => {
    const annotations = { 'pilothouse.dev/terminate-after': '1m' };
    const deleted = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };
    const pod = podOf({}, { annotations, ...deleted });
    const now = { isDue: false, isPlanned: true };
    expect(nextStep(pod, place, { ...now, time: start + 10_000 })).toEqual({ afterMs: 20_000 });
    expect(nextStep(pod, place, { ...now, time: start + 30_000 })).toEqual({ isGone: true });
  });
});

test('a running pod has a complete status', () => {
  const pod = podOf({});
  const { status } = nextStep(pod, place, { time: start, isDue: true, isPlanned: false });
  const time = '2026-01-01T00:00:00Z';
  const condition = (type: string, lastTransitionTime = time) => ({
    type,
    observedGeneration: 1,
    status: 'True',
    lastTransitionTime,
  });
  expect(status).toEqual({
    observedGeneration: 1,
    phase: 'Running',
    conditions: [
      condition('PodReadyToStartContainers'),
      condition('Initialized'),
      condition('Ready'),
      condition('ContainersReady'),
      condition('PodScheduled', '2025-12-31T00:00:00Z'),
    ],
    hostIP: '198.18.0.1',
    hostIPs: [{ ip: '198.18.0.1' }],
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    startTime: time,
    containerStatuses: [
      {
        name: 'c',
        state: { running: { startedAt: time } },
        lastState: {},
        ready: true,
        restartCount: 0,
        image: 'i',
        imageID: expect.stringMatching(/^simulated:\/\/sha256:[0-9a-f]{64}$/),
        containerID: expect.stringMatching(/^simulated:\/\/[0-9a-f]{64}$/),
        started: true,
        resources: {},
      },
    ],
  });
});
