import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { namespaceRest } from '#main/control-plane/apiserver/registry/namespace/rest.ts';
import { bindingRest, podRest } from '#main/control-plane/apiserver/registry/pod/rest.ts';
import {
  replicationControllerRest,
  workloadRest,
} from '#main/control-plane/apiserver/registry/scale/workloads.ts';
import type { Resource } from '#shared/kube/resource.ts';

const plain: KindRest = {};
const createsOnUpdate: KindRest = { allowsCreateOnUpdate: true };
const needsVersion: KindRest = { needsResourceVersion: true };

const rests: Readonly<Record<string, KindRest>> = {
  bindings: bindingRest,
  'clusterrolebindings.rbac.authorization.k8s.io': createsOnUpdate,
  'clusterroles.rbac.authorization.k8s.io': createsOnUpdate,
  'csidrivers.storage.k8s.io': needsVersion,
  'csinodes.storage.k8s.io': needsVersion,
  'csistoragecapacities.storage.k8s.io': needsVersion,
  'deployments.apps': workloadRest,
  endpoints: createsOnUpdate,
  events: { allowsCreateOnUpdate: true, ignoresPropagation: true },
  'events.events.k8s.io': { allowsCreateOnUpdate: true, ignoresPropagation: true },
  'leases.coordination.k8s.io': { allowsCreateOnUpdate: true, needsResourceVersion: true },
  limitranges: createsOnUpdate,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': needsVersion,
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': needsVersion,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': needsVersion,
  namespaces: namespaceRest,
  'poddisruptionbudgets.policy': needsVersion,
  pods: podRest,
  podtemplates: createsOnUpdate,
  'replicasets.apps': workloadRest,
  replicationcontrollers: replicationControllerRest,
  'rolebindings.rbac.authorization.k8s.io': createsOnUpdate,
  'roles.rbac.authorization.k8s.io': createsOnUpdate,
  'runtimeclasses.node.k8s.io': needsVersion,
  services: createsOnUpdate,
  'statefulsets.apps': workloadRest,
  'validatingadmissionpolicies.admissionregistration.k8s.io': needsVersion,
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': needsVersion,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': needsVersion,
  'volumeattachments.storage.k8s.io': needsVersion,
};

/** What a kind needs beyond its definition. */
export function restOf({ group, plural }: Resource): KindRest {
  return rests[group ? `${plural}.${group}` : plural] ?? plain;
}
