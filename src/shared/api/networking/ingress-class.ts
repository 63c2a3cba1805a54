import type { IngressClass } from '#shared/api/types/networking-v1.ts';
import { ageColumn } from '#shared/api/columns.ts';
import { countSpecGeneration, startGeneration } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { domainPrefixedPath, foreignName, invalidEach, unchanged } from '#shared/kube/checks.ts';
import { forbiddenValue, notSupported, required, tooLong } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Subdomain, nameIsDnsLabel } from '#shared/kube/names.ts';
import { validateObjectMeta } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const ingressClasses = resource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  singular: 'ingressclass',
  scope: 'Cluster',
  type: 'networking.v1.IngressClass',
  storage: { prefix: '/registry/ingressclasses' },
  lifecycle: { generation: true },
  default({ spec: { parameters } }) {
    if (parameters) parameters.scope ??= 'Cluster';
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: countSpecGeneration,
  metadata: { onUpdate: ['update'] },
  validate: ({ spec }) => validateSpec(spec),
  *validateUpdate(ingressClass, { spec: old }) {
    const { spec } = ingressClass;
    yield* unchanged(spec.controller ?? '', old.controller ?? '', 'spec.controller');
    yield* validateObjectMeta(ingressClass.metadata, { isNamespaced: false });
    yield* validateSpec(spec);
  },
  columns: [
    {
      name: 'Name',
      format: 'name',
      value: ({ metadata: { name, annotations } }) =>
        annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true'
          ? `${name} (default)`
          : name,
    },
    { name: 'Controller', value: ({ spec }) => spec.controller ?? '' },
    { name: 'Parameters', value: ({ spec }) => formatParameters(spec.parameters) },
    ageColumn,
  ],
});

type Spec = IngressClass['spec'];
type Parameters = NonNullable<Spec['parameters']>;

const longestController = 250;

function formatParameters(parameters: Parameters | undefined): string {
  if (!parameters) return '<none>';
  const { kind, apiGroup, name } = parameters;
  return `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${name}`;
}

function* validateSpec({ controller = '', parameters }: Spec): Iterable<FieldError> {
  const field = 'spec.controller';
  if (byteLength(controller) > longestController) yield tooLong(field, longestController);
  yield* domainPrefixedPath(controller, field);
  if (parameters) yield* validateParameters(parameters, 'spec.parameters');
}

function* validateParameters(
  { apiGroup, kind, name, scope = '', namespace }: Parameters,
  field: string,
): Iterable<FieldError> {
  if (apiGroup !== undefined) {
    yield* invalidEach(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup));
  }
  yield* foreignName(kind, `${field}.kind`);
  yield* foreignName(name, `${field}.name`);
  const path = `${field}.namespace`;
  if (scope === 'Cluster') {
    if (namespace !== undefined) {
      yield forbiddenValue(path, "`parameters.scope` is set to 'Cluster'");
    }
  } else if (scope !== 'Namespace') {
    yield notSupported(`${field}.scope`, scope, ['Cluster', 'Namespace']);
  } else if (namespace === undefined) {
    yield required(path, "`parameters.scope` is set to 'Namespace'");
  } else yield* invalidEach(path, namespace, nameIsDnsLabel(namespace));
}
