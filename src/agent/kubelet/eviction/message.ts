import type { Pod } from '#shared/api/types/core-v1.ts';
import { canonicalQuantity, quantityValue } from '#shared/kube/quantity.ts';
import type { PodUsage } from './ranking.ts';
import { amountText, type StarvedResource, type Starved } from './signals.ts';

/** Why the pod is ended, in upstream's words. */
export function evictionMessage(
  pod: Pod,
  resource: StarvedResource,
  { starved, usage }: { readonly starved: Starved; readonly usage: PodUsage | undefined },
): string {
  const { threshold, available } = starved;
  const parts = [
    `The node was low on resource: ${resource}. `,
    `Threshold quantity: ${threshold}, available: ${available}. `,
  ];
  if (!usage || (resource !== 'memory' && resource !== 'ephemeral-storage')) return parts.join('');
  const blame = (what: string, used: number, request: string): void => {
    parts.push(
      `${what} was using ${amountText(resource, used)}, request is ${request}, has larger consumption of ${resource}. `,
    );
  };
  const { [resource]: asked } = pod.spec.resources?.requests ?? {};
  if (resource === 'memory' && asked !== undefined)
    blame(`Pod ${pod.metadata.name}`, usage.memory, canonicalQuantity(asked));
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  for (const { name, memory, disk } of usage.containers) {
    const container = containers.find((one) => one.name === name);
    if (!container) continue;
    const { [resource]: request = '0' } = container.resources?.requests ?? {};
    const used = resource === 'memory' ? memory : disk;
    if (used > quantityValue(request)) blame(`Container ${name}`, used, canonicalQuantity(request));
  }
  return parts.join('');
}
