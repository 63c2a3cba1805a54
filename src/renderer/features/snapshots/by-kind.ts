import type { Change, Difference } from '#shared/contract/snapshots.ts';

export interface KindGroup {
  /** `Deployment`; '' where the store holds something unreadable. */
  readonly kind: string;
  readonly apiVersion: string;
  readonly differences: readonly Difference[];
  readonly counts: Readonly<Record<Change, number>>;
}

/** What controllers make again by themselves comes last: what people made is what they look for. */
const derived = [
  'ReplicaSet',
  'ControllerRevision',
  'Pod',
  'EndpointSlice',
  'Endpoints',
  'PodMetrics',
];

/** Differences by kind: those that people make first, then by name. */
export function byKind(differences: readonly Difference[]): readonly KindGroup[] {
  const groups = Map.groupBy(differences, ({ kind, apiVersion }) => `${kind} ${apiVersion}`);
  return [...groups.values()]
    .map((members): KindGroup => {
      const { kind, apiVersion } = members[0]!;
      return { kind, apiVersion, differences: members, counts: countsOf(members) };
    })
    .sort(
      (a, b) => derived.indexOf(a.kind) - derived.indexOf(b.kind) || (a.kind < b.kind ? -1 : 1),
    );
}

export function countsOf(differences: readonly Difference[]): Readonly<Record<Change, number>> {
  const count = (wanted: Change): number =>
    differences.filter(({ change }) => change === wanted).length;
  return { gone: count('gone'), new: count('new'), changed: count('changed') };
}

export function labelOf({ namespace, name }: Difference): string {
  return namespace ? `${namespace}/${name}` : name;
}
