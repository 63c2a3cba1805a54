import type { Container, ContainerStatus, Pod } from '#shared/api/types/core-v1.ts';
import { compareQuantities, mustParse } from '#shared/kube/quantity.ts';

type Amounts = Readonly<Record<string, string>>;

interface Containers {
  readonly containers: readonly Container[];
  readonly initContainers: readonly Container[];
}

/**
 * The containers with the resources that they take up while a resize is under way: the most of what
 * is asked for, allocated and in use; without what is asked for where the node has ruled it out.
 */
export function runningContainers({ spec, status }: Pod): Containers {
  const isInfeasible = (status?.conditions ?? []).some(
    ({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible',
  );
  const effective = (
    containers: readonly Container[] = [],
    statuses: readonly ContainerStatus[] = [],
  ): readonly Container[] => {
    const known = new Map(statuses.map((entry) => [entry.name, entry]));
    if (known.size === 0) return containers;
    return containers.map((container) => {
      const current = known.get(container.name);
      return current ? withStatus(container, current, isInfeasible) : container;
    });
  };
  return {
    containers: effective(spec?.containers, status?.containerStatuses),
    initContainers: effective(spec?.initContainers, status?.initContainerStatuses),
  };
}

function withStatus(
  container: Container,
  { resources, allocatedResources }: ContainerStatus,
  isInfeasible: boolean,
): Container {
  if (!resources && !allocatedResources) return container;
  const asked = isInfeasible ? undefined : container.resources;
  const requests = highest(asked?.requests, resources?.requests, allocatedResources);
  const limits = highest(asked?.limits, resources?.limits);
  return { ...container, resources: { requests, limits } };
}

function highest(...lists: readonly (Amounts | undefined)[]): Amounts {
  const result: Record<string, string> = {};
  for (const list of lists) {
    for (const [name, amount] of Object.entries(list ?? {})) {
      const known = result[name];
      if (known === undefined || compareQuantities(mustParse(amount), mustParse(known)) > 0) {
        result[name] = amount;
      }
    }
  }
  return result;
}
