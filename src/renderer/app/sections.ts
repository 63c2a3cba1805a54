import type { Component } from 'vue';
import { lazily } from './lazily.ts';

/** One entry of the sidebar: a page of its own, or the lists of some kinds. */
export interface Section {
  readonly id: string;
  readonly title: string;
  /** Pressed after `g`. */
  readonly key: string;
  readonly kinds: readonly string[];
  /** The page, where it is more than the lists of the kinds. */
  readonly view?: Component;
}

export const sections: readonly Section[] = [
  {
    id: 'overview',
    title: 'Overview',
    key: 'o',
    kinds: [],
    view: lazily(() => import('../features/overview/Overview.vue')),
  },
  {
    id: 'nodes',
    title: 'Nodes',
    key: 'n',
    kinds: ['nodes'],
    view: lazily(() => import('../features/nodes/Nodes.vue')),
  },
  {
    id: 'workloads',
    title: 'Workloads',
    key: 'w',
    kinds: [
      'pods',
      'deployments.apps',
      'statefulsets.apps',
      'daemonsets.apps',
      'replicasets.apps',
      'jobs.batch',
      'cronjobs.batch',
      'horizontalpodautoscalers.autoscaling',
      'poddisruptionbudgets.policy',
    ],
  },
  {
    id: 'network',
    title: 'Network',
    key: 'e',
    kinds: [
      'services',
      'endpointslices.discovery.k8s.io',
      'ingresses.networking.k8s.io',
      'ingressclasses.networking.k8s.io',
      'networkpolicies.networking.k8s.io',
    ],
  },
  {
    id: 'config',
    title: 'Config',
    key: 'c',
    kinds: [
      'configmaps',
      'secrets',
      'namespaces',
      'resourcequotas',
      'limitranges',
      'priorityclasses.scheduling.k8s.io',
    ],
  },
  {
    id: 'storage',
    title: 'Storage',
    key: 't',
    kinds: [
      'persistentvolumeclaims',
      'persistentvolumes',
      'storageclasses.storage.k8s.io',
      'csidrivers.storage.k8s.io',
      'volumeattachments.storage.k8s.io',
    ],
  },
  {
    id: 'access',
    title: 'Access',
    key: 'a',
    kinds: [
      'serviceaccounts',
      'roles.rbac.authorization.k8s.io',
      'rolebindings.rbac.authorization.k8s.io',
      'clusterroles.rbac.authorization.k8s.io',
      'clusterrolebindings.rbac.authorization.k8s.io',
      'certificatesigningrequests.certificates.k8s.io',
    ],
  },
  {
    id: 'custom',
    title: 'Custom resources',
    key: 'u',
    kinds: ['customresourcedefinitions.apiextensions.k8s.io'],
  },
  {
    id: 'scheduling',
    title: 'Scheduling',
    key: 's',
    kinds: [],
    view: lazily(() => import('../features/scheduling/Scheduling.vue')),
  },
  {
    id: 'policies',
    title: 'Policies',
    key: 'p',
    kinds: [],
    view: lazily(() => import('../features/policies/Policies.vue')),
  },
  {
    id: 'snapshots',
    title: 'Snapshots',
    key: 'h',
    kinds: [],
    view: lazily(() => import('../features/snapshots/Snapshots.vue')),
  },
  { id: 'activity', title: 'Activity', key: 'i', kinds: ['events'] },
];
