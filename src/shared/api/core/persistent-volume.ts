import type { PersistentVolume } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn, orUnset } from '#shared/api/columns.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import { formatAccessModes, storageClassOf } from '#shared/api/core/volume/access.ts';
import { defaultSharedSources } from '#shared/api/core/volume/defaults.ts';
import { sourceMembers, validatePersistentSpec } from '#shared/api/core/volume/persistent-spec.ts';
import { keep } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { isClean, unchanged } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { nameOf } from '#shared/kube/object-meta.ts';
import { validateNodeSelector } from '#shared/api/core/node-selector.ts';
import { persistentVolumeWarnings } from '#shared/api/core/volume/deprecated.ts';
import { resource } from '#shared/kube/resource.ts';

export const persistentVolumes = resource<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  singular: 'persistentvolume',
  scope: 'Cluster',
  shortNames: ['pv'],
  type: 'core.v1.PersistentVolume',
  storage: { prefix: '/registry/persistentvolumes' },
  subresources: [{ name: 'status', kind: 'PersistentVolume', verbs: ['get', 'patch', 'update'] }],
  lifecycle: { deleteReturnsObject: true },
  default({ spec, status }) {
    if (!status.phase) status.phase = 'Pending';
    if (!spec.persistentVolumeReclaimPolicy) spec.persistentVolumeReclaimPolicy = 'Retain';
    spec.volumeMode ??= 'Filesystem';
    roundAmounts(spec.capacity);
    defaultSharedSources(spec);
  },
  prepareForCreate(draft, now) {
    draft.status = { phase: 'Pending', lastPhaseTransitionTime: now };
  },
  prepareForUpdate: (draft, old) => keep('status', draft, old),
  prepareForStatusUpdate(draft, old, now) {
    keep('spec', draft, old);
    const { status } = draft;
    const { phase, lastPhaseTransitionTime: time } = old.status;
    if (status.phase !== phase) {
      const isOld = status.lastPhaseTransitionTime === time;
      if (isOld || !status.lastPhaseTransitionTime) status.lastPhaseTransitionTime = now;
    } else if (time) status.lastPhaseTransitionTime ??= time;
  },
  metadata: { onUpdate: ['create', 'create'] },
  *validate(volume) {
    yield* validatePersistentSpec(volume.spec, nameOf(volume.metadata), false);
    yield* validateMountOptions(volume);
  },
  *validateUpdate(volume, old) {
    const selector = old.spec.nodeAffinity?.required;
    const hadInvalid = selector && !isClean(validateNodeSelector(selector, ''));
    const errors = [
      ...validatePersistentSpec(volume.spec, nameOf(volume.metadata), hadInvalid === true),
    ];
    yield* errors;
    yield* validateMountOptions(volume);
    // Upstream checks the whole once more before it compares.
    yield* errors;
    yield* validateFixed(volume, old);
  },
  *warnings({ spec }) {
    if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
      yield 'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';
    }
    yield* persistentVolumeWarnings(spec);
  },
  columns: [
    nameColumn,
    { name: 'Capacity', value: ({ spec }) => spec.capacity?.['storage'] ?? '0' },
    { name: 'Access Modes', value: ({ spec }) => formatAccessModes(spec.accessModes) },
    { name: 'Reclaim Policy', value: ({ spec }) => spec.persistentVolumeReclaimPolicy ?? '' },
    {
      name: 'Status',
      value: ({ metadata, status }) =>
        metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? ''),
    },
    {
      name: 'Claim',
      value: ({ spec: { claimRef } }) =>
        claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : '',
    },
    { name: 'StorageClass', value: storageClassOf },
    {
      name: 'VolumeAttributesClass',
      value: ({ spec }) => orUnset(spec.volumeAttributesClassName),
    },
    { name: 'Reason', value: ({ status }) => status.reason ?? '' },
    ageColumn,
    { name: 'VolumeMode', priority: 1, value: ({ spec }) => orUnset(spec.volumeMode) },
  ],
});

const mountOptions = 'volume.beta.kubernetes.io/mount-options';
const mountable = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
] as const;

function* validateMountOptions({ metadata, spec }: PersistentVolume): Iterable<FieldError> {
  if (metadata.annotations?.[mountOptions] === undefined) return;
  if (mountable.some((member) => spec[member] !== undefined)) return;
  yield forbiddenValue(
    `metadata.annotations.${mountOptions}`,
    'may not specify mount options for this volume type',
  );
}

function* validateFixed({ spec }: PersistentVolume, old: PersistentVolume): Iterable<FieldError> {
  if (!semanticEqual(sourceOf(spec, old.spec), sourceOf(old.spec, old.spec))) {
    yield forbiddenValue(
      'spec.persistentvolumesource',
      'spec.persistentvolumesource is immutable after creation\n',
    );
  }
  yield* unchanged(spec.volumeMode, old.spec.volumeMode, 'volumeMode');
  if (old.spec.nodeAffinity && !isSameAffinity(spec, old.spec)) {
    yield invalidValue(
      'nodeAffinity',
      spec.nodeAffinity,
      'field is immutable, except for updating from beta label to GA',
    );
  }
  const { volumeAttributesClassName: name } = spec;
  if (old.spec.volumeAttributesClassName !== undefined && name === undefined) {
    yield forbiddenValue(
      'spec.volumeAttributesClassName',
      'update from non-nil value to nil is forbidden',
    );
  }
}

type Spec = PersistentVolume['spec'];

/** The secret for expansion may be added later. */
function sourceOf(spec: Spec, old: Spec): Partial<Spec> {
  const source = Object.fromEntries(sourceMembers.map((member) => [member, spec[member]]));
  if (!old.csi || old.csi.controllerExpandSecretRef || !spec.csi) return source;
  const { controllerExpandSecretRef: _, ...csi } = spec.csi;
  return { ...source, csi };
}

const stableLabels: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Labels that became stable may be renamed, everything else stays. */
function isSameAffinity(spec: Spec, old: Spec): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const renamed = (old.nodeAffinity?.required?.nodeSelectorTerms ?? []).map((term, at) => ({
    ...term,
    ...(term.matchExpressions && {
      matchExpressions: term.matchExpressions.map((expression, index) => {
        const key = terms[at]?.matchExpressions?.[index]?.key;
        return key !== undefined && stableLabels[expression.key] === key
          ? { ...expression, key }
          : expression;
      }),
    }),
  }));
  return semanticEqual(spec.nodeAffinity, {
    ...old.nodeAffinity,
    ...(old.nodeAffinity?.required && { required: { nodeSelectorTerms: renamed } }),
  });
}
