import { isMapValue, type MapValue, type Value } from '../yaml/field-path.ts';
import type { ManifestObject } from '../yaml/manifest.ts';

/** A pod that a manifest would bring, and how many like it. */
export interface SupposedPods {
  /** `Deployment web`. */
  readonly of: string;
  readonly pod: MapValue;
  /** Names of the pods, one each. */
  readonly names: readonly string[];
  /** One on each node, as of a DaemonSet. */
  readonly isPerNode: boolean;
}

/** Kinds that make pods out of a template: where it is, and how many of it. */
const workloads: Readonly<Record<string, (spec: MapValue) => { template: Value; count: number }>> =
  {
    Deployment: ({ template, replicas }) => ({ template, count: countOf(replicas) }),
    ReplicaSet: ({ template, replicas }) => ({ template, count: countOf(replicas) }),
    StatefulSet: ({ template, replicas }) => ({ template, count: countOf(replicas) }),
    ReplicationController: ({ template, replicas }) => ({ template, count: countOf(replicas) }),
    DaemonSet: ({ template }) => ({ template, count: 1 }),
    Job: ({ template, parallelism }) => ({ template, count: countOf(parallelism) }),
    CronJob({ jobTemplate }) {
      const { template, parallelism } = mapAt(jobTemplate, 'spec');
      return { template, count: countOf(parallelism) };
    },
  };

const most = 1_000;

/** The pods that these objects would bring; objects that bring none are left out. */
export function supposedPods(objects: readonly ManifestObject[]): readonly SupposedPods[] {
  return objects.flatMap(({ kind, value, name, namespace }): readonly SupposedPods[] => {
    const of = `${kind} ${name}`;
    const spec = mapAt(value, 'spec');
    if (kind === 'Pod') return [{ of, pod: value, names: [name || 'pod'], isPerNode: false }];
    const { template, count } = workloads[kind]?.(spec) ?? {};
    if (!isMapValue(template) || count === undefined) return [];
    const metadata = mapAt(template, 'metadata');
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, ...(namespace && { namespace }) },
      spec: template['spec'],
    };
    const names = Array.from(
      { length: Math.min(count, most) },
      (_, index) => `${name}-${kind === 'StatefulSet' ? index : index + 1}`,
    );
    return [{ of, pod, names, isPerNode: kind === 'DaemonSet' }];
  });
}

/** Kubernetes' own way to say that a pod belongs on one node. */
export function pinnedTo(pod: MapValue, node: string): MapValue {
  const spec = mapAt(pod, 'spec');
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] },
        ],
      },
    },
  };
  return { ...pod, spec: { ...spec, affinity: { ...mapAt(spec, 'affinity'), ...affinity } } };
}

function mapAt(value: Value, name: string): MapValue {
  const member = isMapValue(value) ? value[name] : undefined;
  return isMapValue(member) ? member : {};
}

function countOf(value: Value): number {
  return typeof value === 'number' ? value : 1;
}
