import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
} from '#main/control-plane/apiserver/admission/certificates.ts';
import { defaultIngressClass } from '#main/control-plane/apiserver/admission/default-ingress-class.ts';
import { defaultStorageClass } from '#main/control-plane/apiserver/admission/default-storage-class.ts';
import { defaultTolerationSeconds } from '#main/control-plane/apiserver/admission/default-toleration-seconds.ts';
import { mutatingPolicies } from '#main/control-plane/apiserver/admission/dynamic/mutating-policies.ts';
import { validatingPolicies } from '#main/control-plane/apiserver/admission/dynamic/validating-policies.ts';
import { mutatingWebhooks } from '#main/control-plane/apiserver/admission/dynamic/mutating-webhooks.ts';
import { validatingWebhooks } from '#main/control-plane/apiserver/admission/dynamic/validating-webhooks.ts';
import { limitRanger } from '#main/control-plane/apiserver/admission/limit-ranger.ts';
import { namespaceLifecycle } from '#main/control-plane/apiserver/admission/namespace-lifecycle.ts';
import { nodeRestriction } from '#main/control-plane/apiserver/admission/node-restriction.ts';
import { persistentVolumeClaimResize } from '#main/control-plane/apiserver/admission/persistent-volume-claim-resize.ts';
import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import { podResizeValidator } from '#main/control-plane/apiserver/admission/pod-resize-validator.ts';
import { podSecurity } from '#main/control-plane/apiserver/admission/pod-security.ts';
import { podTopologyLabels } from '#main/control-plane/apiserver/admission/pod-topology-labels.ts';
import { priority } from '#main/control-plane/apiserver/admission/priority.ts';
import { resourceQuota } from '#main/control-plane/apiserver/admission/resource-quota.ts';
import { runtimeClass } from '#main/control-plane/apiserver/admission/runtime-class.ts';
import { serviceAccount } from '#main/control-plane/apiserver/admission/service-account.ts';
import { storageObjectInUseProtection } from '#main/control-plane/apiserver/admission/storage-object-in-use-protection.ts';
import { taintNodesByCondition } from '#main/control-plane/apiserver/admission/taint-nodes-by-condition.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';

export interface AdmissionPluginsOptions {
  readonly authorizer: Authorizer;
}

/** Upstream's default plugins in upstream's order, with NodeRestriction, which every cluster turns on. */
export function admissionPlugins({ authorizer }: AdmissionPluginsOptions): AdmissionPlugin[] {
  return [
    namespaceLifecycle,
    limitRanger,
    serviceAccount,
    nodeRestriction(authorizer),
    taintNodesByCondition,
    podSecurity,
    priority,
    defaultTolerationSeconds,
    defaultStorageClass,
    storageObjectInUseProtection,
    persistentVolumeClaimResize,
    runtimeClass,
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass,
    podTopologyLabels,
    podResizeValidator,
    mutatingPolicies(authorizer),
    mutatingWebhooks(authorizer),
    validatingPolicies(authorizer),
    validatingWebhooks(authorizer),
    resourceQuota(),
  ];
}
