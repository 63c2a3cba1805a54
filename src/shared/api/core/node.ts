import type { Node } from '#shared/api/types/core-v1.ts';
import { ageColumn, nameColumn, orNone } from '#shared/api/columns.ts';
import { validateNodeConfig, validateTaints } from '#shared/api/core/node-checks.ts';
import { roundAmounts } from '#shared/api/core/amounts.ts';
import { validateResourceAmount } from '#shared/api/core/resource-names.ts';
import { keep } from '#shared/api/strategies.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { legacyCidr, positive } from '#shared/kube/checks.ts';
import {
  internalError,
  duplicateValue,
  forbiddenValue,
  invalidValue,
} from '#shared/kube/field-error.ts';
import { isDualStack, parseCidr } from '#shared/kube/ip.ts';
import type { Draft } from '#shared/kube/object.ts';
import { resource } from '#shared/kube/resource.ts';

export const nodes = resource<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  scope: 'Cluster',
  shortNames: ['no'],
  type: 'core.v1.Node',
  storage: { prefix: '/registry/minions' },
  subresources: [
    {
      name: 'proxy',
      kind: 'NodeProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
    { name: 'status', kind: 'Node', verbs: ['get', 'patch', 'update'] },
  ],
  default({ spec, status }) {
    alignPodCidrs(spec);
    if (!status.allocatable && status.capacity) status.allocatable = { ...status.capacity };
    roundAmounts(status.capacity);
    roundAmounts(status.allocatable);
  },
  prepareForCreate({ spec, status }) {
    delete spec.configSource;
    delete status.config;
  },
  prepareForUpdate(draft, old) {
    keep('status', draft, old);
    if (!old.spec.configSource) delete draft.spec.configSource;
  },
  prepareForStatusUpdate(draft, old) {
    keep('spec', draft, old);
    if (!old.status.config) delete draft.status.config;
  },
  metadata: { onUpdate: ['create', 'update'] },
  validate: validateNode,
  *validateUpdate(node, old) {
    yield* validateNode(node);
    yield* validateNodeUpdate(node, old);
  },
  validateStatusUpdate: validateNodeUpdate,
  fieldSelectors: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
  columns: [
    nameColumn,
    { name: 'Status', value: nodeStatus },
    { name: 'Roles', value: nodeRoles },
    ageColumn,
    { name: 'Version', value: ({ status }) => status.nodeInfo?.kubeletVersion ?? '' },
    { name: 'Internal-IP', priority: 1, value: (node) => addressOf(node, 'InternalIP') },
    { name: 'External-IP', priority: 1, value: (node) => addressOf(node, 'ExternalIP') },
    { name: 'OS-Image', priority: 1, value: ({ status }) => known(status.nodeInfo?.osImage) },
    {
      name: 'Kernel-Version',
      priority: 1,
      value: ({ status: { nodeInfo } }) => {
        const architecture = nodeInfo?.architecture ? ` (${nodeInfo.architecture})` : '';
        return known(nodeInfo?.kernelVersion) + architecture;
      },
    },
    {
      name: 'Container-Runtime',
      priority: 1,
      value: ({ status }) => known(status.nodeInfo?.containerRuntimeVersion),
    },
  ],
});

const rolePrefix = 'node-role.kubernetes.io/';
const featureName = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;

/** `podCIDR` is the first of `podCIDRs`, whichever of them the writer knew. */
function alignPodCidrs(spec: Draft<Node>['spec']): void {
  const [first] = spec.podCIDRs ?? [];
  if (spec.podCIDR && first !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  else if (first && !spec.podCIDR) spec.podCIDR = first;
}

function* validateNode({ spec, status }: Node): Iterable<FieldError> {
  yield* validateTaints(spec.taints ?? [], 'metadata.taints');
  yield* validateAmounts(status);
  const swap = status.nodeInfo?.swap?.capacity;
  if (swap !== undefined) yield* positive(swap, 'metadata.nodeSwapStatus.capacity');
  yield* validateFeatures(status.declaredFeatures ?? []);
  const { podCIDRs = [] } = spec;
  for (const [index, range] of podCIDRs.entries()) {
    yield* legacyCidr(range, `spec.podCIDRs[${index}]`);
  }
  if (podCIDRs.length < 2) return;
  const bad = podCIDRs.findIndex((range) => !parseCidr(range));
  if (bad >= 0) {
    yield internalError(
      'spec.podCIDRs',
      `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${podCIDRs[bad]})`,
    );
  }
  if (podCIDRs.length > 2 || !isDualStack(podCIDRs.map((range) => parseCidr(range)?.address))) {
    yield invalidValue(
      'spec.podCIDRs',
      podCIDRs,
      'may specify no more than one CIDR for each IP family',
    );
  }
}

function* validateAmounts(status: Node['status']): Iterable<FieldError> {
  for (const member of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of Object.entries(status[member] ?? {})) {
      yield* validateResourceAmount(name, amount, `status.${member}.${name}`);
    }
  }
}

function* validateFeatures(features: readonly string[]): Iterable<FieldError> {
  for (const [index, feature] of features.entries()) {
    const field = `status.declaredFeatures[${index}]`;
    const previous = features[index - 1];
    if (previous !== undefined && previous === feature) yield duplicateValue(field, feature);
    else if (previous !== undefined && previous > feature) {
      yield invalidValue(field, feature, 'list must be sorted alphabetically');
    }
    const shown = `invalid feature name ${JSON.stringify(feature)}`;
    if (feature.length > 253) {
      yield invalidValue(field, feature, `${shown}: must be no more than 253 characters`);
    } else if (!featureName.test(feature)) {
      yield invalidValue(
        field,
        feature,
        `${shown}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`,
      );
    }
  }
}

function* validateNodeUpdate({ spec, status }: Node, old: Node): Iterable<FieldError> {
  yield* validateAmounts(status);
  yield* validateFeatures(status.declaredFeatures ?? []);
  const addresses = new Set<string>();
  for (const [index, address] of (status.addresses ?? []).entries()) {
    const key = `${address.type} ${address.address}`;
    if (addresses.has(key)) yield duplicateValue(`status.addresses[${index}]`, address);
    addresses.add(key);
  }
  const { podCIDRs = [] } = spec;
  const ranges = old.spec.podCIDRs ?? [];
  if (ranges.length > 0) {
    const changed =
      ranges.length === podCIDRs.length
        ? ranges.filter((range, index) => range !== podCIDRs[index])
        : [undefined];
    for (const _ of changed) {
      yield forbiddenValue(
        'spec.podCIDRs',
        'node updates may not change podCIDR except from "" to valid',
      );
    }
  }
  if (old.spec.providerID && old.spec.providerID !== spec.providerID) {
    yield forbiddenValue(
      'spec.providerID',
      'node updates may not change providerID except from "" to valid',
    );
  }
  yield* validateNodeConfig(spec.configSource, status.config);
  yield* validateTaints(spec.taints ?? [], 'metadata.taints');
  if ((spec.externalID ?? '') !== (old.spec.externalID ?? '')) {
    yield forbiddenValue('spec.externalID', 'may not be updated');
  }
}

function nodeStatus({ spec, status }: Node): string {
  const ready = status.conditions?.findLast(({ type }) => type === 'Ready');
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec.unschedulable ? `${word},SchedulingDisabled` : word;
}

function nodeRoles({ metadata }: Node): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix)) return key.slice(rolePrefix.length) || [];
    return key === 'kubernetes.io/role' && value ? value : [];
  });
  return orNone([...new Set(roles)].sort().join(','));
}

function addressOf({ status }: Node, type: string): string {
  return orNone(status.addresses?.find((address) => address.type === type)?.address);
}

function known(text: string | undefined): string {
  return text || '<unknown>';
}
