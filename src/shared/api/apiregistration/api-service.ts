import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import { dns1035Label, dns1123Subdomain, pathSegment, portNumber } from '#shared/kube/names.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { base64Length } from '#shared/api/core/base64.ts';
import { keep, resetStatus } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { validateObjectMeta } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const apiServices = resource<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  singular: 'apiservice',
  scope: 'Cluster',
  categories: ['api-extensions'],
  validateName: pathSegment,
  type: 'apiregistration.v1.APIService',
  storage: { prefix: '/registry/apiregistration.k8s.io/apiservices' },
  subresources: [{ name: 'status', kind: 'APIService', verbs: ['get', 'patch', 'update'] }],
  allowsUnconditionalUpdate: false,
  default({ spec: { service } }) {
    if (service) service.port ??= 443;
  },
  prepareForCreate(draft) {
    resetStatus(draft, 'apiregistration.v1.APIServiceStatus');
    if (draft.spec.service) return;
    const { creationTimestamp } = draft.metadata;
    draft.status.conditions = [
      {
        type: 'Available',
        status: 'True',
        ...(creationTimestamp && { lastTransitionTime: creationTimestamp }),
        reason: 'Local',
        message: 'Local APIServices are always available',
      },
    ];
  },
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate: (draft, old) => keep('spec', draft, old),
  metadata: { onCreate: 'unchecked', qualifiesFinalizers: false },
  validate: validateApiService,
  validateUpdate: validateApiService,
  *validateStatusUpdate({ status: { conditions = [] } }) {
    const allowed = ['True', 'False', 'Unknown'];
    for (const [index, { status }] of conditions.entries()) {
      if (allowed.includes(status)) continue;
      yield notOneOf(`status.conditions[${index}].status`, status ?? '', allowed);
    }
  },
  columns: [
    nameColumn,
    {
      name: 'Service',
      value: ({ spec: { service } }) =>
        service ? `${service.namespace ?? ''}/${service.name ?? ''}` : 'Local',
    },
    { name: 'Available', value: ({ status }) => formatAvailable(status) },
    ageColumn,
  ],
});

const highestGroupPriority = 20_000;
const highestVersionPriority = 1000;

function formatAvailable({ conditions = [] }: APIService['status']): string {
  const available = conditions.find(({ type }) => type === 'Available');
  if (!available) return 'Unknown';
  const { status, reason = '' } = available;
  return status === 'True' ? status : `${status} (${reason})`;
}

function* validateApiService({ metadata, spec }: APIService): Iterable<FieldError> {
  const { group = '', version = '' } = spec;
  const expected = `${version}.${group}`;
  yield* validateObjectMeta(metadata, {
    isNamespaced: false,
    qualifiesFinalizers: false,
    validateName(name) {
      const problems = pathSegment(name);
      if (problems.length > 0 || name === expected) return problems;
      return [`must be \`spec.version+"."+spec.group\`: "${expected}"`];
    },
  });
  if (group) yield* invalidEach('spec.group', group, dns1123Subdomain(group));
  else if (version !== 'v1') {
    yield required('spec.group', 'only v1 may have an empty group and it better be legacy kube');
  }
  yield* invalidEach('spec.version', version, dns1035Label(version));
  yield* validatePriorities(spec);
  yield* validateService(spec);
}

function* validatePriorities(spec: APIService['spec']): Iterable<FieldError> {
  const { groupPriorityMinimum: minimum, versionPriority: priority } = spec;
  if (minimum <= 0 || minimum > highestGroupPriority) {
    yield invalidValue(
      'spec.groupPriorityMinimum',
      minimum,
      'must be positive and less than 20000',
    );
  }
  if (priority <= 0 || priority > highestVersionPriority) {
    yield invalidValue('spec.versionPriority', priority, 'must be positive and less than 1000');
  }
}

function* validateService(spec: APIService['spec']): Iterable<FieldError> {
  const { service, caBundle, insecureSkipTLSVerify: isInsecure } = spec;
  const field = 'spec.insecureSkipTLSVerify';
  if (!service) {
    if (caBundle) {
      const size = `${base64Length(caBundle)} bytes`;
      yield invalidValue('spec.caBundle', size, 'local APIServices may not have a caBundle');
    }
    if (isInsecure) {
      yield invalidValue(field, true, 'local APIServices may not have insecureSkipTLSVerify');
    }
    return;
  }
  const { namespace, name, port = 0 } = service;
  if (!namespace) yield required('spec.service.namespace');
  if (!name) yield required('spec.service.name');
  const problems = portNumber(port);
  if (problems.length > 0) {
    yield invalidValue('spec.service.port', port, `port is not valid: ${problems.join(', ')}`);
  }
  if (isInsecure && caBundle) {
    yield invalidValue(field, true, 'may not be true if caBundle is present');
  }
}
