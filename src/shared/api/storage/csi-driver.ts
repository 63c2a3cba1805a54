import type { CSIDriver } from '#shared/api/types/storage-v1.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { orNone } from '#shared/api/columns.ts';
import { unchanged } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, notOneOf, notSupported } from '#shared/kube/field-error.ts';
import { resource } from '#shared/kube/resource.ts';

export const csiDrivers = resource<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  singular: 'csidriver',
  scope: 'Cluster',
  type: 'storage.v1.CSIDriver',
  storage: { prefix: '/registry/csidrivers' },
  lifecycle: { deleteReturnsObject: true },
  allowsUnconditionalUpdate: false,
  default({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  prepareForCreate({ spec }) {
    delete spec.preventPodSchedulingIfMissing;
  },
  prepareForUpdate({ spec }, old) {
    if (old.spec.preventPodSchedulingIfMissing === undefined) {
      delete spec.preventPodSchedulingIfMissing;
    }
  },
  validate: ({ spec }) => validateSpec(spec),
  *validateUpdate({ spec }, { spec: old }) {
    yield* validateSpec(spec);
    yield* unchanged(spec.attachRequired, old.attachRequired, 'spec.attachedRequired');
    yield* unchanged(
      spec.volumeLifecycleModes,
      old.volumeLifecycleModes,
      'spec.volumeLifecycleModes',
    );
  },
  *warnings({ spec }, old) {
    if (old || !spec.tokenRequests?.length) return;
    if (spec.serviceAccountTokenInSecrets !== undefined) return;
    yield 'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';
  },
  columns: [
    nameColumn,
    {
      name: 'AttachRequired',
      type: 'boolean',
      value: ({ spec }) => spec.attachRequired ?? true,
    },
    {
      name: 'PodInfoOnMount',
      type: 'boolean',
      value: ({ spec }) => spec.podInfoOnMount ?? false,
    },
    {
      name: 'StorageCapacity',
      type: 'boolean',
      value: ({ spec }) => spec.storageCapacity ?? false,
    },
    {
      name: 'TokenRequests',
      value: ({ spec }) =>
        spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>',
    },
    {
      name: 'RequiresRepublish',
      type: 'boolean',
      value: ({ spec }) => spec.requiresRepublish ?? false,
    },
    { name: 'Modes', value: ({ spec }) => orNone(spec.volumeLifecycleModes?.join(',')) },
    ageColumn,
  ],
});

type Spec = CSIDriver['spec'];

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Persistent', 'Ephemeral'];

function* validateSpec(spec: Spec): Iterable<FieldError> {
  const { fsGroupPolicy, tokenRequests = [], serviceAccountTokenInSecrets: inSecrets } = spec;
  if (fsGroupPolicy !== undefined && !groupPolicies.includes(fsGroupPolicy)) {
    yield notSupported('spec.fsGroupPolicy', fsGroupPolicy, groupPolicies);
  }
  yield* validateTokenRequests(tokenRequests);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!lifecycleModes.includes(mode)) {
      yield notOneOf('spec.volumeLifecycleModes', mode, lifecycleModes);
    }
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10) {
    yield invalidValue(
      'spec.nodeAllocatableUpdatePeriodSeconds',
      period,
      'must be greater than or equal to 10 seconds',
    );
  }
  if (inSecrets !== undefined && tokenRequests.length === 0) {
    yield invalidValue(
      'spec.serviceAccountTokenInSecrets',
      inSecrets,
      'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    );
  }
}

function* validateTokenRequests(
  requests: NonNullable<Spec['tokenRequests']>,
): Iterable<FieldError> {
  const audiences = new Set<string>();
  for (const [index, { audience, expirationSeconds: seconds }] of requests.entries()) {
    const path = `spec.tokenRequests[${index}]`;
    if (audiences.has(audience)) {
      yield duplicateValue(`${path}.audience`, audience);
      continue;
    }
    audiences.add(audience);
    if (seconds === undefined) continue;
    const field = `${path}.expirationSeconds`;
    if (seconds < 600) {
      yield invalidValue(field, seconds, 'may not specify a duration less than 10 minutes');
    }
    if (seconds > 2 ** 32) {
      yield invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds');
    }
  }
}
