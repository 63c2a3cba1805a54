import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { resourcesOf } from '../containers/container-config.ts';
import { killContainer } from '../containers/kill.ts';
import type { KubeletContext } from '../context.ts';
import { isRunning, type PodContainerStatus, type RuntimePod } from '../runtime-state.ts';
import { latestOf } from './plan.ts';
import type { PodRecord } from './record.ts';

const resizable = ['cpu', 'memory'] as const;

/** Gives containers that run what their pod now says, in place where their policy allows that. */
export async function resizeContainers(
  record: PodRecord,
  runtimePod: RuntimePod | undefined,
  context: KubeletContext,
): Promise<boolean> {
  const { pod } = record;
  if (!runtimePod) return false;
  const changed: { container: Container; status: PodContainerStatus; before: string }[] = [];
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    const status = latestOf(runtimePod, container.name);
    if (!status || !isRunning(status)) continue;
    const before = record.resources.get(status.id);
    const wanted = amountsOf(container);
    record.resources.set(status.id, wanted);
    if (before !== undefined && before !== wanted) changed.push({ container, status, before });
  }
  if (changed.length === 0) return false;
  tell(context, pod, 'Started');
  for (const { container, status, before } of changed) {
    if (needsRestart(container, before)) {
      const message = `Container ${container.name} resize requires restart`;
      const { signal } = record.interrupt;
      await killContainer(context, { pod, status, runtimePod }, { message, signal });
    } else {
      const linux = resourcesOf(pod, container, context.facts);
      await context.runtime.updateContainerResources({ containerId: status.id, linux });
    }
  }
  tell(context, pod, 'Completed');
  return true;
}

function tell({ recorder }: KubeletContext, pod: Pod, what: 'Started' | 'Completed'): void {
  const containers = pod.spec.containers.map(({ name, resources }) => ({ name, resources }));
  const message = `Pod resize ${what.toLowerCase()}: ${JSON.stringify({ containers, generation: pod.metadata.generation })}`;
  recorder.record(pod, 'Normal', `Resize${what}`, message);
}

/** What a container may be given anew while it runs, as text to be compared. */
export function amountsOf({ resources }: Container): string {
  const { requests = {}, limits = {} } = resources;
  return JSON.stringify(resizable.map((name) => [name, requests[name], limits[name]]));
}

function needsRestart(container: Container, before: string): boolean {
  const old = JSON.parse(before) as readonly unknown[];
  const now = JSON.parse(amountsOf(container)) as readonly unknown[];
  return resizable.some((name, at) => {
    const isChanged = JSON.stringify(old[at]) !== JSON.stringify(now[at]);
    const policy = container.resizePolicy?.find(({ resourceName }) => resourceName === name);
    return isChanged && policy?.restartPolicy === 'RestartContainer';
  });
}
