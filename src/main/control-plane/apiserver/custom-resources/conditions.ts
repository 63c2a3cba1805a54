import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import type { Clock } from '#shared/base/clock.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from '#shared/api/types/apiextensions-v1.ts';

type Status = NonNullable<CustomResourceDefinition['status']>;
type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>;

/** The status that a definition should have: which names it got, and whether it is served. */
export function establish(
  definition: CustomResourceDefinition,
  {
    others,
    clock,
  }: { readonly others: readonly CustomResourceDefinition[]; readonly clock: Clock },
): Status {
  const { spec, status } = definition;
  const stored = spec.versions.find(({ storage }) => storage)?.name;
  const known = status?.storedVersions ?? [];
  const storedVersions = stored && !known.includes(stored) ? [...known, stored] : known;
  const rivals = others.filter(
    (other) => other.spec.group === spec.group && other.metadata.name !== definition.metadata.name,
  );
  const problem = nameProblem(
    spec.names,
    rivals.flatMap((rival) => rival.status?.acceptedNames ?? []),
  );
  const names: CustomResourceDefinitionNames = {
    ...spec.names,
    singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
    listKind: spec.names.listKind ?? `${spec.names.kind}List`,
  };
  const accepted: Condition = problem ?? {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  const wasEstablished = status?.conditions?.some(
    (condition) => condition.type === 'Established' && condition.status === 'True',
  );
  const established: Condition =
    problem && !wasEstablished
      ? {
          type: 'Established',
          status: 'False',
          reason: 'NotAccepted',
          message: 'not all names are accepted',
        }
      : {
          type: 'Established',
          status: 'True',
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        };
  const acceptedNames = problem ? (status?.acceptedNames ?? { plural: '', kind: '' }) : names;
  let conditions = status?.conditions ?? [];
  for (const condition of [accepted, established])
    conditions = withCondition(conditions, condition, clock);
  return { conditions, acceptedNames, storedVersions };
}

/** Within a group every name leads to one kind. */
function nameProblem(
  names: CustomResourceDefinitionNames,
  taken: readonly CustomResourceDefinitionNames[],
): Condition | undefined {
  const resources = new Set(
    taken.flatMap(({ plural, singular, shortNames }) => [
      plural,
      singular ?? '',
      ...(shortNames ?? []),
    ]),
  );
  const kinds = new Set(taken.flatMap(({ kind, listKind }) => [kind, listKind ?? '']));
  const refuse = (reason: string, name: string): Condition => ({
    type: 'NamesAccepted',
    status: 'False',
    reason,
    message: `${JSON.stringify(name)} is already in use`,
  });
  if (resources.has(names.plural)) return refuse('PluralConflict', names.plural);
  if (names.singular && resources.has(names.singular)) {
    return refuse('SingularConflict', names.singular);
  }
  const short = names.shortNames?.find((name) => resources.has(name));
  if (short) return refuse('ShortNamesConflict', short);
  if (kinds.has(names.kind)) return refuse('KindConflict', names.kind);
  return undefined;
}

function withCondition(
  conditions: readonly CustomResourceDefinitionCondition[],
  condition: Condition,
  clock: Clock,
): readonly CustomResourceDefinitionCondition[] {
  const known = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    known?.status === condition.status && known.lastTransitionTime
      ? known.lastTransitionTime
      : timestamp(clock);
  const next = { lastTransitionTime, ...condition };
  if (!known) return [...conditions, next];
  return conditions.map((each) => (each === known ? { ...each, ...next } : each));
}
