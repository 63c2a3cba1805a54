import type { RuntimeClass } from '#shared/api/types/node-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import { strict } from '#shared/api/core/pod/context.ts';
import { validateContainerResources } from '#shared/api/core/pod/resources.ts';
import { validateTolerations } from '#shared/api/core/pod/tolerations.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, required } from '#shared/kube/field-error.ts';
import { nameIsDnsLabel } from '#shared/kube/names.ts';
import { validateLabels, validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const runtimeClasses = resource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  scope: 'Cluster',
  type: 'node.v1.RuntimeClass',
  storage: { prefix: '/registry/runtimeclasses' },
  allowsUnconditionalUpdate: false,
  default({ overhead }) {
    roundAmounts(overhead?.podFixed);
  },
  metadata: { onUpdate: ['create'] },
  validate: validateClass,
  *validateUpdate(runtimeClass, old) {
    yield* validateClass(runtimeClass);
    yield* validateObjectMetaUpdate(runtimeClass.metadata, old.metadata);
    yield* unchanged(runtimeClass.handler ?? '', old.handler, 'handler');
  },
  columns: [nameColumn, { name: 'Handler', value: ({ handler }) => handler }, ageColumn],
});

const known = { allows: strict, claimNames: new Set<string>() };

function* validateClass({ handler, overhead, scheduling }: RuntimeClass): Iterable<FieldError> {
  if (handler) yield* invalidEach('handler', handler, nameIsDnsLabel(handler));
  else yield required('handler');
  if (overhead) {
    const resources = { ...(overhead.podFixed && { limits: overhead.podFixed }) };
    yield* validateContainerResources(resources, 'overhead', known);
  }
  if (scheduling) yield* validateScheduling(scheduling);
}

function* validateScheduling({
  nodeSelector,
  tolerations = [],
}: NonNullable<RuntimeClass['scheduling']>): Iterable<FieldError> {
  yield* validateLabels(nodeSelector, 'scheduling.nodeSelector');
  const field = 'scheduling.tolerations';
  yield* validateTolerations(tolerations, field, false);
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const { key, operator, value, effect } = toleration;
    const identity = JSON.stringify([key ?? '', operator ?? '', value ?? '', effect ?? '']);
    if (seen.has(identity)) yield duplicateValue(`${field}[${index}]`, toleration);
    seen.add(identity);
  }
}
