import type { ContainerRuntime } from '#agent/container-runtime/index.ts';

const ready = 0;
const running = 1;

/** Pods as the runtime knows them: enough to say which containers run. */
export async function runningPods(runtime: ContainerRuntime): Promise<object> {
  const [{ items: sandboxes }, { containers }] = await Promise.all([
    runtime.listPodSandbox({ filter: { state: { state: ready } } }),
    runtime.listContainers({ filter: { state: { state: running } } }),
  ]);
  const items = sandboxes.map(({ id, metadata }) => ({
    metadata: {
      name: metadata?.name ?? '',
      namespace: metadata?.namespace ?? '',
      uid: metadata?.uid ?? '',
      creationTimestamp: null,
    },
    spec: {
      containers: containers
        .filter(({ podSandboxId }) => podSandboxId === id)
        .map((container) => ({
          name: container.metadata?.name ?? '',
          image: container.image?.image ?? '',
          resources: {},
        })),
    },
    status: {},
  }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}
