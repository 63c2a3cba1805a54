import type { Pod } from '#shared/api/types/core-v1.ts';
import { podColumns } from '#shared/api/core/pod/columns.ts';
import { defaultPod } from '#shared/api/core/pod/defaults.ts';
import {
  preparePodForCreate,
  preparePodForStatusUpdate,
  preparePodForUpdate,
} from '#shared/api/core/pod/prepare.ts';
import { validatePodStatusUpdate } from '#shared/api/core/pod/status.ts';
import { validateNewPod, validatePodUpdate } from '#shared/api/core/pod/update.ts';
import { podWarnings } from '#shared/api/core/pod/warnings.ts';
import { resource } from '#shared/kube/resource.ts';

export const pods = resource<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  scope: 'Namespaced',
  shortNames: ['po'],
  categories: ['all'],
  type: 'core.v1.Pod',
  storage: { prefix: '/registry/pods' },
  subresources: [
    { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'ephemeralcontainers', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    { name: 'eviction', kind: 'Eviction', groupVersion: 'policy/v1', verbs: ['create'] },
    { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    {
      name: 'proxy',
      kind: 'PodProxyOptions',
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
    },
    { name: 'resize', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    { name: 'status', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
  ],
  lifecycle: { generation: true, deleteReturnsObject: true },
  default: defaultPod,
  prepareForCreate: preparePodForCreate,
  prepareForUpdate: preparePodForUpdate,
  prepareForStatusUpdate: preparePodForStatusUpdate,
  metadata: { onUpdate: ['update', 'create'] },
  validate: validateNewPod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  fieldSelectors: {
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIPs?.[0]?.ip ?? '',
    // Accepted as upstream's label conversion accepts it, selectable there by nothing but ''.
    'status.podIPs': () => '',
  },
  warnings: ({ spec }) => podWarnings(spec),
  columns: podColumns,
});
