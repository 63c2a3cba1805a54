import { setOf, type FieldPattern, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';

/** What an endpoint leaves alone whatever a client sends, so that nobody owns it through there. */
export interface EndpointFields {
  /** Put back to what they were. */
  readonly resetFields?: FieldSet | undefined;
  /** All that the endpoint writes at all. */
  readonly onlyFields?: FieldPattern;
}

/** Status endpoints that put back all metadata too. */
const ownsNoMetadata: ReadonlySet<string> = new Set([
  'apiservices.apiregistration.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'flowschemas.flowcontrol.apiserver.k8s.io',
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
  'resourceclaims.resource.k8s.io',
  'servicecidrs.networking.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'volumeattachments.storage.k8s.io',
]);

const exceptions: Readonly<Record<string, EndpointFields>> = {
  'certificatesigningrequests.certificates.k8s.io': { resetFields: setOf(['spec'], ['status']) },
  'certificatesigningrequests.certificates.k8s.io/status': {
    resetFields: setOf(['spec'], ['status', 'conditions']),
  },
  'certificatesigningrequests.certificates.k8s.io/approval': {
    resetFields: setOf(['spec'], ['status', 'certificate']),
  },
  'deployments.apps/status': { resetFields: setOf(['spec'], ['metadata', 'labels']) },
  'namespaces/finalize': { resetFields: setOf(['status']) },
  'pods/status': {
    resetFields: setOf(
      ['spec'],
      ['metadata', 'deletionTimestamp'],
      ['metadata', 'ownerReferences'],
    ),
  },
  'pods/ephemeralcontainers': { onlyFields: { 'f:spec': { 'f:ephemeralContainers': true } } },
  'pods/resize': {
    onlyFields: {
      'f:spec': {
        'f:containers': { '*': { 'f:resources': true, 'f:resizePolicy': true } },
        'f:initContainers': { '*': { 'f:resources': true, 'f:resizePolicy': true } },
      },
    },
  },
};

const mainFields: EndpointFields = { resetFields: setOf(['status']) };
const statusFields: EndpointFields = { resetFields: setOf(['spec']) };
const statusOnlyFields: EndpointFields = { resetFields: setOf(['spec'], ['metadata']) };

/** What the strategy of a built-in kind's endpoint resets; `subresource` is '' for the object itself. */
export function endpointFields(
  { group, plural }: { readonly group: string; readonly plural: string },
  subresource: string,
): EndpointFields {
  const name = group ? `${plural}.${group}` : plural;
  const exception = exceptions[subresource ? `${name}/${subresource}` : name];
  if (exception) return exception;
  if (!subresource) return mainFields;
  if (subresource !== 'status') return {};
  return ownsNoMetadata.has(name) ? statusOnlyFields : statusFields;
}

/** The same for a custom resource, which may have a status of its own. */
export function customEndpointFields(
  subresource: string,
  { hasStatus }: { readonly hasStatus: boolean },
): EndpointFields {
  if (subresource === 'status') return statusOnlyFields;
  return hasStatus && !subresource ? mainFields : {};
}
