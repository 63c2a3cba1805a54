import { expect, test } from 'vitest';
import { container, pod, runtimePod, sidecar } from '../../../../test/support/kubelet/pods.ts';
import type { RuntimePod } from '../runtime-state.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { ProbeKind, ProbeResult } from '../probes/results.ts';
import { planPod } from './plan.ts';

interface Case {
  readonly does: string;
  readonly pod: Pod;
  readonly runtime?: RuntimePod;
  /** By `kind/container id`. */
  readonly probes?: Readonly<Record<string, ProbeResult>>;
  readonly plan: string;
}

const never = 'Never';
const exec = { exec: { command: ['true'] } };
const withInit = { initContainers: [container('i'), container('j')] };

const cases: readonly Case[] = [
  { does: 'starts a new pod in a sandbox', pod: pod({}), plan: 'sandbox 0, start c' },
  { does: 'begins with the first init container', pod: pod(withInit), plan: 'sandbox 0, start i' },
  {
    does: 'waits while an init container runs',
    pod: pod(withInit),
    runtime: runtimePod([{ name: 'i', state: 'running' }]),
    plan: '',
  },
  {
    does: 'goes on with the next init container',
    pod: pod(withInit),
    runtime: runtimePod([{ name: 'i', state: 'exited' }]),
    plan: 'start j',
  },
  {
    does: 'starts the containers after the last init container',
    pod: pod(withInit),
    runtime: runtimePod([
      { name: 'j', state: 'exited' },
      { name: 'i', state: 'exited' },
    ]),
    plan: 'start c',
  },
  {
    does: 'tries a failed init container again',
    pod: pod(withInit),
    runtime: runtimePod([{ name: 'i', state: 'exited', exitCode: 1 }]),
    plan: 'start i',
  },
  {
    does: 'gives up when an init container failed and nothing is restarted',
    pod: pod({ ...withInit, restartPolicy: never }),
    runtime: runtimePod([{ name: 'i', state: 'exited', exitCode: 1 }]),
    plan: 'stop',
  },
  {
    does: 'does not care for init containers once a container has run',
    pod: pod(withInit),
    runtime: runtimePod([{ name: 'c', state: 'running' }]),
    plan: '',
  },
  {
    does: 'restarts what ended well only under Always',
    pod: pod({ restartPolicy: 'OnFailure', containers: [container('c'), container('d')] }),
    runtime: runtimePod([
      { name: 'c', state: 'exited' },
      { name: 'd', state: 'exited', exitCode: 3 },
    ]),
    plan: 'start d',
  },
  {
    does: 'stops a pod of which nothing is to run any more',
    pod: pod({ restartPolicy: never }),
    runtime: runtimePod([{ name: 'c', state: 'exited', exitCode: 1 }]),
    plan: 'stop',
  },
  {
    does: 'lets a rule about an exit code restart what the policy would not',
    pod: pod({
      restartPolicy: never,
      containers: [
        container('c', {
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        }),
      ],
    }),
    runtime: runtimePod([{ name: 'c', state: 'exited', exitCode: 42 }]),
    plan: 'start c',
  },
  {
    does: 'makes a new sandbox, with all from the beginning, when the old one is gone',
    pod: pod(withInit),
    runtime: runtimePod([{ name: 'c', state: 'running' }], { isReady: false }),
    plan: 'sandbox 1, start i',
  },
  {
    does: 'runs init containers again in a new sandbox',
    pod: pod(withInit),
    runtime: runtimePod([
      { name: 'i', state: 'exited', attempt: 1 },
      { name: 'c', state: 'exited', sandboxId: 'older' },
      { name: 'j', state: 'exited', sandboxId: 'older' },
    ]),
    plan: 'start j',
  },
  {
    does: 'makes no new sandbox for a pod that has run and is never restarted',
    pod: pod({ restartPolicy: never }),
    runtime: runtimePod([{ name: 'c', state: 'exited', exitCode: 1 }], { isReady: false }),
    plan: 'stop',
  },
  {
    does: 'waits for the start of a sidecar',
    pod: pod({ initContainers: [sidecar('s', { startupProbe: exec })] }),
    runtime: runtimePod([{ name: 's', state: 'running' }]),
    probes: { 'startup/s-0': 'unknown' },
    plan: '',
  },
  {
    does: 'goes on when the sidecar has started',
    pod: pod({ initContainers: [sidecar('s', { startupProbe: exec })] }),
    runtime: runtimePod([{ name: 's', state: 'running' }]),
    probes: { 'startup/s-0': 'success' },
    plan: 'start c',
  },
  {
    does: 'starts a sidecar again while the containers run on',
    pod: pod({ initContainers: [sidecar('s')], restartPolicy: never }),
    runtime: runtimePod([
      { name: 'c', state: 'running' },
      { name: 's', state: 'exited', exitCode: 1 },
    ]),
    plan: 'start s',
  },
  {
    does: 'does not keep a pod for its sidecar alone',
    pod: pod({ initContainers: [sidecar('s')], restartPolicy: never }),
    runtime: runtimePod([
      { name: 'c', state: 'exited' },
      { name: 's', state: 'running' },
    ]),
    plan: 'stop',
  },
  {
    does: 'kills what fails its liveness probe, and starts it again',
    pod: pod({ containers: [container('c', { livenessProbe: exec })] }),
    runtime: runtimePod([{ name: 'c', state: 'running' }]),
    probes: { 'liveness/c-0': 'failure' },
    plan: 'kill c-0 (Container c failed liveness probe, will be restarted), start c',
  },
  {
    does: 'replaces a container whose image has changed',
    pod: pod({ containers: [container('c', { image: 'other' })] }),
    runtime: runtimePod([{ name: 'c', state: 'running' }]),
    plan: 'kill c-0 (Container c definition changed, will be restarted), start c',
  },
  {
    does: 'starts an ephemeral container, once',
    pod: pod({ ephemeralContainers: [container('e')] }),
    runtime: runtimePod([{ name: 'c', state: 'running' }]),
    plan: 'start e',
  },
];

test.each(cases)('the plan $does', ({ pod: given, runtime, probes = {}, plan }) => {
  const results = { of: (kind: ProbeKind, id: string) => probes[`${kind}/${id}`] };
  const made = planPod(given, runtime, results);
  const parts = [
    ...(made.stopPod ? ['stop'] : []),
    ...(made.newSandbox ? [`sandbox ${made.attempt}`] : []),
    ...made.kill.map(({ status, message }) => `kill ${status.id} (${message})`),
    ...made.start.map((one) => `start ${one.container.name}`),
  ];
  expect(parts.join(', ')).toBe(plan);
});
