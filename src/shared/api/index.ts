import type { Resource } from '#shared/kube/resource.ts';
import { bindings } from '#shared/api/core/binding.ts';
import { componentStatuses } from '#shared/api/core/component-status.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { endpoints } from '#shared/api/core/endpoints.ts';
import { events as coreEvents } from '#shared/api/core/event.ts';
import { limitRanges } from '#shared/api/core/limit-range.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { nodes } from '#shared/api/core/node.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { persistentVolumes } from '#shared/api/core/persistent-volume.ts';
import { pods } from '#shared/api/core/pod.ts';
import { podTemplates } from '#shared/api/core/pod-template.ts';
import { replicationControllers } from '#shared/api/core/replication-controller.ts';
import { resourceQuotas } from '#shared/api/core/resource-quota.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { services } from '#shared/api/core/service.ts';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { controllerRevisions } from '#shared/api/apps/controller-revision.ts';
import { daemonSets } from '#shared/api/apps/daemon-set.ts';
import { deployments } from '#shared/api/apps/deployment.ts';
import { replicaSets } from '#shared/api/apps/replica-set.ts';
import { statefulSets } from '#shared/api/apps/stateful-set.ts';
import { events as eventsEvents } from '#shared/api/events/event.ts';
import { selfSubjectReviews } from '#shared/api/authentication/self-subject-review.ts';
import { tokenReviews } from '#shared/api/authentication/token-review.ts';
import { localSubjectAccessReviews } from '#shared/api/authorization/local-subject-access-review.ts';
import { selfSubjectAccessReviews } from '#shared/api/authorization/self-subject-access-review.ts';
import { selfSubjectRulesReviews } from '#shared/api/authorization/self-subject-rules-review.ts';
import { subjectAccessReviews } from '#shared/api/authorization/subject-access-review.ts';
import { horizontalPodAutoscalers } from '#shared/api/autoscaling/horizontal-pod-autoscaler.ts';
import { horizontalPodAutoscalersV1 } from '#shared/api/autoscaling/horizontal-pod-autoscaler-v1.ts';
import { cronJobs } from '#shared/api/batch/cron-job.ts';
import { jobs } from '#shared/api/batch/job.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { ingressClasses } from '#shared/api/networking/ingress-class.ts';
import { ingresses } from '#shared/api/networking/ingress.ts';
import { ipAddresses } from '#shared/api/networking/ip-address.ts';
import { networkPolicies } from '#shared/api/networking/network-policy.ts';
import { serviceCidrs } from '#shared/api/networking/service-cidr.ts';
import { podDisruptionBudgets } from '#shared/api/policy/pod-disruption-budget.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { roleBindings } from '#shared/api/rbac/role-binding.ts';
import { roles } from '#shared/api/rbac/role.ts';
import { csiDrivers } from '#shared/api/storage/csi-driver.ts';
import { csiNodes } from '#shared/api/storage/csi-node.ts';
import { csiStorageCapacities } from '#shared/api/storage/csi-storage-capacity.ts';
import { storageClasses } from '#shared/api/storage/storage-class.ts';
import { volumeAttachments } from '#shared/api/storage/volume-attachment.ts';
import { volumeAttributesClasses } from '#shared/api/storage/volume-attributes-class.ts';
import { mutatingAdmissionPolicies } from '#shared/api/admissionregistration/mutating-admission-policy.ts';
import { mutatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/mutating-admission-policy-binding.ts';
import { mutatingWebhookConfigurations } from '#shared/api/admissionregistration/mutating-webhook-configuration.ts';
import { validatingAdmissionPolicies } from '#shared/api/admissionregistration/validating-admission-policy.ts';
import { validatingAdmissionPolicyBindings } from '#shared/api/admissionregistration/validating-admission-policy-binding.ts';
import { validatingWebhookConfigurations } from '#shared/api/admissionregistration/validating-webhook-configuration.ts';
import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import { priorityClasses } from '#shared/api/scheduling/priority-class.ts';
import { leases } from '#shared/api/coordination/lease.ts';
import { runtimeClasses } from '#shared/api/node/runtime-class.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { deviceClasses } from '#shared/api/resource/device-class.ts';
import { resourceClaims } from '#shared/api/resource/resource-claim.ts';
import { resourceClaimTemplates } from '#shared/api/resource/resource-claim-template.ts';
import { resourceSlices } from '#shared/api/resource/resource-slice.ts';
import { flowSchemas } from '#shared/api/flowcontrol/flow-schema.ts';
import { priorityLevelConfigurations } from '#shared/api/flowcontrol/priority-level-configuration.ts';

/** Every built-in resource that is served, in the order of upstream's discovery documents. */
export const resources: readonly Resource[] = [
  bindings,
  componentStatuses,
  configMaps,
  endpoints,
  coreEvents,
  limitRanges,
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  podTemplates,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
  services,
  apiServices,
  controllerRevisions,
  daemonSets,
  deployments,
  replicaSets,
  statefulSets,
  eventsEvents,
  selfSubjectReviews,
  tokenReviews,
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  cronJobs,
  jobs,
  certificateSigningRequests,
  ingressClasses,
  ingresses,
  ipAddresses,
  networkPolicies,
  serviceCidrs,
  podDisruptionBudgets,
  clusterRoleBindings,
  clusterRoles,
  roleBindings,
  roles,
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
  customResourceDefinitions,
  priorityClasses,
  leases,
  runtimeClasses,
  endpointSlices,
  deviceClasses,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
  flowSchemas,
  priorityLevelConfigurations,
];
