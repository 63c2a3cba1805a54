/** What the benchmarks of the whole product do to a running cluster. */
import { setTimeout as wait } from 'node:timers/promises';
import { deployments } from '../../src/shared/api/apps/deployment.ts';
import { namespaces } from '../../src/shared/api/core/namespace.ts';
import type { Deployment } from '../../src/shared/api/types/apps-v1.ts';
import type { Cluster } from '../../src/shared/client/cluster.ts';
import type { New } from '../../src/shared/kube/object.ts';

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export async function createNamespace(cluster: Cluster, name: string): Promise<void> {
  await cluster.create(namespaces, { metadata: { name } });
}

/** Small pods that do nothing, labelled `app` with the deployment's name. */
export async function createDeployment(
  cluster: Cluster,
  { namespace, name }: Place,
  replicas: number,
): Promise<void> {
  const labels = { app: name };
  const requests = { cpu: '100m', memory: '100Mi' };
  const containers = [{ name: 'c', image: 'registry.example/c:1', resources: { requests } }];
  const template = { metadata: { labels }, spec: { containers } };
  const deployment = {
    metadata: { namespace, name },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
  await cluster.create(deployments, deployment as unknown as New<Deployment>);
}

/** Resolves once every replica of all these runs and is ready, of the latest template. */
export async function allReady(cluster: Cluster, places: readonly Place[]): Promise<void> {
  for (const place of places) {
    for (;;) {
      const { metadata, spec, status } = await cluster.get(deployments, place);
      const { readyReplicas, updatedReplicas, replicas, observedGeneration } = status;
      const counts = [readyReplicas ?? 0, updatedReplicas ?? 0, replicas ?? 0];
      if (observedGeneration === metadata.generation && counts.every((n) => n === spec.replicas))
        break;
      await wait(50);
    }
  }
}
