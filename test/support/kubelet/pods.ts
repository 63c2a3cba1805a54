import { containerStates, sandboxStates } from '#agent/container-runtime/enums.ts';
import { annotations, hashOf, labels } from '#agent/kubelet/containers/labels.ts';
import type { PodContainerStatus, RuntimePod } from '#agent/kubelet/runtime-state.ts';
import type { Container, Pod, PodSpec } from '#shared/api/types/core-v1.ts';

/** Pods and what a runtime says of them, for tables. */

export function container(name: string, more: Partial<Container> = {}): Container {
  return { name, image: 'image', resources: {}, ...more };
}

export function sidecar(name: string, more: Partial<Container> = {}): Container {
  return container(name, { restartPolicy: 'Always', ...more });
}

export function pod(spec: Partial<PodSpec>, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', uid: 'u', ...metadata } as Pod['metadata'],
    spec: { containers: [container('c')], ...spec },
    status: {},
  };
}

export interface Run {
  readonly name: string;
  readonly state: keyof typeof containerStates;
  readonly exitCode?: number;
  readonly attempt?: number;
  readonly sandboxId?: string;
}

/** A pod with one sandbox, and these runs of its containers, the newest first. */
export function runtimePod(
  runs: readonly Run[],
  { isReady = true, ip = '10.0.0.1' }: { isReady?: boolean; ip?: string } = {},
): RuntimePod {
  return {
    uid: 'u',
    name: 'p',
    namespace: 'n',
    sandboxes: [
      {
        id: 'sandbox-0',
        metadata: { name: 'p', uid: 'u', namespace: 'n', attempt: 0 },
        state: isReady ? sandboxStates.ready : sandboxStates.notReady,
        createdAt: 1n,
        network: { ip, additionalIps: [] },
        linux: undefined,
        labels: {},
        annotations: {},
        runtimeHandler: '',
      },
    ],
    containers: runs.map(statusOf),
  };
}

function statusOf({
  name,
  state,
  exitCode = 0,
  attempt = 0,
  sandboxId = 'sandbox-0',
}: Run): PodContainerStatus {
  return {
    id: `${name}-${attempt}`,
    sandboxId,
    metadata: { name, attempt },
    state: containerStates[state],
    createdAt: BigInt(attempt),
    startedAt: 0n,
    finishedAt: 0n,
    exitCode,
    image: undefined,
    imageRef: 'sha256:image',
    reason: exitCode === 0 ? 'Completed' : 'Error',
    message: '',
    labels: { [labels.containerName]: name },
    annotations: {
      [annotations.hash]: hashOf(container(name)),
      [annotations.restartCount]: String(attempt),
    },
    mounts: [],
    logPath: '',
    resources: undefined,
    imageId: '',
    user: undefined,
    stopSignal: 0,
  };
}
