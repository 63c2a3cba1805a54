import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { controller, type Controller } from '#shared/kube/controller.ts';
import { nowText } from '../conditions.ts';
import { withConditionTaints, writeTaints } from './taints.ts';

/** Labels that old clients still read, kept equal to the ones that replaced them. */
const oldLabels = [
  ['kubernetes.io/os', 'beta.kubernetes.io/os'],
  ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
] as const;

/** Keeps a node's NoSchedule taints as its conditions say, and its old labels. */
export const nodeTaintController = controller<Node>({
  name: 'node-controller',
  watches: nodes,
  concurrency: 8,
  async reconcile(node, { cluster, clock }) {
    const taints = withConditionTaints(node, nowText(clock));
    if (taints) await writeTaints(cluster, node, taints);
    const { labels = {}, name } = node.metadata;
    const missing: Record<string, string> = {};
    for (const [current, old] of oldLabels)
      if (labels[current] !== undefined && labels[old] !== labels[current])
        missing[old] = labels[current];
    if (Object.keys(missing).length === 0) return;
    const body = { metadata: { labels: missing } };
    await cluster.patch(nodes, { name }, { type: 'merge', body });
  },
});

const ttlAnnotation = 'node.alpha.kubernetes.io/ttl';
/**
 * How long kubelets may keep Secrets and ConfigMaps, by how many nodes there are. A step is left
 * only when there are clearly fewer, so that one node that comes and goes changes nothing.
 */
const ttlSteps = [
  { least: 0, most: 100, seconds: 0 },
  { least: 90, most: 500, seconds: 15 },
  { least: 450, most: 1000, seconds: 30 },
  { least: 900, most: 2000, seconds: 60 },
  { least: 1800, most: Infinity, seconds: 300 },
] as const;

/** Tells kubelets through an annotation how long they may cache. */
export function createNodeTtlController(): Controller<Node> {
  let step = 0;
  return controller<Node>({
    name: 'ttl-controller',
    watches: nodes,
    wakes: ({ after }) => (after ? [after.metadata.name] : []),
    async reconcile({ metadata: { name, annotations } }, { cache, cluster }) {
      const count = cache.count(nodes);
      while (count > ttlSteps[step]!.most) step++;
      while (count < ttlSteps[step]!.least) step--;
      const wanted = String(ttlSteps[step]!.seconds);
      if (annotations?.[ttlAnnotation] === wanted) return;
      const body = { metadata: { annotations: { [ttlAnnotation]: wanted } } };
      await cluster.patch(nodes, { name }, { type: 'merge', body });
    },
  });
}
