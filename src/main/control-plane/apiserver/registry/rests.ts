import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { namespaceRest } from '#main/control-plane/apiserver/registry/namespace/rest.ts';
import { bindingRest, podRest } from '#main/control-plane/apiserver/registry/pod/rest.ts';
import {
  replicationControllerRest,
  workloadRest,
} from '#main/control-plane/apiserver/registry/scale/workloads.ts';
import { secretRest } from '#main/control-plane/apiserver/registry/secret/rest.ts';
import { serviceRest } from '#main/control-plane/apiserver/registry/service/rest.ts';
import { certificateSigningRequestRest } from '#main/control-plane/apiserver/registry/certificate/rest.ts';
import { componentStatusRest } from '#main/control-plane/apiserver/registry/component-status/rest.ts';
import { roleBindingRest, roleRest } from '#main/control-plane/apiserver/registry/rbac/rest.ts';
import {
  selfSubjectReviewRest,
  tokenReviewRest,
} from '#main/control-plane/apiserver/registry/review/authentication.ts';
import {
  localSubjectAccessReviewRest,
  selfSubjectAccessReviewRest,
  selfSubjectRulesReviewRest,
  subjectAccessReviewRest,
} from '#main/control-plane/apiserver/registry/review/authorization.ts';
import { priorityClassRest } from '#main/control-plane/apiserver/registry/priority-class/rest.ts';
import { serviceAccountRest } from '#main/control-plane/apiserver/registry/service-account/rest.ts';
import { customResourceDefinitionRest } from '#main/control-plane/apiserver/custom-resources/rest.ts';
import type { Resource } from '#shared/kube/resource.ts';

const plain: KindRest = {};
const createsOnUpdate: KindRest = { allowsCreateOnUpdate: true };

const rests: Readonly<Record<string, KindRest>> = {
  bindings: bindingRest,
  'certificatesigningrequests.certificates.k8s.io': certificateSigningRequestRest,
  componentstatuses: componentStatusRest,
  'localsubjectaccessreviews.authorization.k8s.io': localSubjectAccessReviewRest,
  'selfsubjectaccessreviews.authorization.k8s.io': selfSubjectAccessReviewRest,
  'selfsubjectreviews.authentication.k8s.io': selfSubjectReviewRest,
  'selfsubjectrulesreviews.authorization.k8s.io': selfSubjectRulesReviewRest,
  serviceaccounts: serviceAccountRest,
  'subjectaccessreviews.authorization.k8s.io': subjectAccessReviewRest,
  'tokenreviews.authentication.k8s.io': tokenReviewRest,
  'clusterrolebindings.rbac.authorization.k8s.io': roleBindingRest,
  'clusterroles.rbac.authorization.k8s.io': roleRest,
  'customresourcedefinitions.apiextensions.k8s.io': customResourceDefinitionRest,
  'deployments.apps': workloadRest,
  endpoints: createsOnUpdate,
  events: { allowsCreateOnUpdate: true, ignoresPropagation: true },
  'events.events.k8s.io': { allowsCreateOnUpdate: true, ignoresPropagation: true },
  'leases.coordination.k8s.io': createsOnUpdate,
  limitranges: createsOnUpdate,
  namespaces: namespaceRest,
  pods: podRest,
  'priorityclasses.scheduling.k8s.io': priorityClassRest,
  podtemplates: createsOnUpdate,
  'replicasets.apps': workloadRest,
  replicationcontrollers: replicationControllerRest,
  'rolebindings.rbac.authorization.k8s.io': roleBindingRest,
  'roles.rbac.authorization.k8s.io': roleRest,
  secrets: secretRest,
  services: serviceRest,
  'statefulsets.apps': workloadRest,
};

/** What a kind needs beyond its definition. */
export function restOf({ group, plural }: Resource): KindRest {
  return rests[group ? `${plural}.${group}` : plural] ?? plain;
}
