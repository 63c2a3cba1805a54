import { draftOf, objectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import { checkLimit } from '#main/control-plane/apiserver/admission/limit-checks.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { aggregate, isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { limitRanges } from '#shared/api/core/limit-range.ts';
import { persistentVolumeClaims } from '#shared/api/core/persistent-volume-claim.ts';
import { aggregateLimits, aggregateRequests } from '#shared/api/core/pod/aggregate.ts';
import { pods } from '#shared/api/core/pod.ts';
import type { Container, LimitRange, Pod } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Pods and claims get the namespace's defaults and stay within its limits. */
export const limitRanger: AdmissionPlugin = {
  name: 'LimitRanger',
  handles(operation, resource, subresource) {
    if (isSameKind(resource, pods)) {
      return (
        (operation === 'CREATE' && subresource === '') ||
        (operation === 'UPDATE' && subresource === 'resize')
      );
    }
    return (
      isSameKind(resource, persistentVolumeClaims) &&
      subresource === '' &&
      (operation === 'CREATE' || operation === 'UPDATE')
    );
  },
  admit(request, context) {
    if (!isSameKind(request.resource, pods)) return;
    for (const range of rangesFor(request, context)) setDefaults(draftOf(request, pods), range);
  },
  validate(request, context) {
    const complaintsOf = isSameKind(request.resource, pods) ? podComplaints : claimComplaints;
    for (const range of rangesFor(request, context)) {
      const complaints = complaintsOf(request, range);
      if (complaints.length > 0) throw refuse(request, aggregate(complaints));
    }
  },
};

/** None for an object that is on its way out. */
function* rangesFor(
  { namespace, oldObject }: AdmissionRequest,
  { objects }: AdmissionContext,
): Iterable<LimitRange> {
  if (oldObject?.metadata.deletionTimestamp === undefined) {
    yield* objects.list(limitRanges, namespace);
  }
}

function setDefaults(pod: Draft<Pod>, { spec }: LimitRange): void {
  const limits: Record<string, string> = {};
  const requests: Record<string, string> = {};
  for (const item of spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(limits, item.default);
    Object.assign(requests, item.defaultRequest);
  }
  const notes: string[] = [];
  const containers = pod.spec?.containers ?? [];
  for (const container of containers) {
    notes.push(...setContainerDefaults(container, 'container', { limits, requests }));
  }
  for (const container of pod.spec?.initContainers ?? []) {
    notes.push(...setContainerDefaults(container, 'init container', { limits, requests }));
  }
  if (notes.length === 0) return;
  (pod.metadata.annotations ??= {})[annotation] = `LimitRanger plugin set: ${notes.join('; ')}`;
}

type Amounts = Readonly<Record<string, string>>;

function setContainerDefaults(
  container: Draft<Container>,
  what: string,
  { limits, requests }: { readonly limits: Amounts; readonly requests: Amounts },
): string[] {
  const resources = (container.resources ??= {});
  const setLimits = missing(resources.limits, limits);
  const setRequests = missing(resources.requests, requests);
  for (const name of setLimits) (resources.limits ??= {})[name] = limits[name]!;
  for (const name of setRequests) (resources.requests ??= {})[name] = requests[name]!;
  const notes: string[] = [];
  if (setRequests.length > 0) {
    notes.push(`${setRequests.join(', ')} request for ${what} ${container.name}`);
  }
  if (setLimits.length > 0) {
    notes.push(`${setLimits.join(', ')} limit for ${what} ${container.name}`);
  }
  return notes;
}

function missing(given: Amounts | undefined, wanted: Amounts): string[] {
  return Object.keys(wanted)
    .filter((name) => given?.[name] === undefined)
    .sort();
}

function podComplaints(request: AdmissionRequest, { spec }: LimitRange): string[] {
  const pod = objectOf(request, pods);
  const complaints: string[] = [];
  for (const item of spec?.limits ?? []) {
    if (item.type === 'Container') {
      const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
      for (const { resources = {} } of containers) complaints.push(...checkLimit(item, resources));
    } else if (item.type === 'Pod' && pod.spec) {
      const requests = {
        ...aggregateRequests(pod.spec),
        ...podLevel(pod.spec.resources?.requests),
      };
      const limits = { ...aggregateLimits(pod.spec), ...podLevel(pod.spec.resources?.limits) };
      complaints.push(...checkLimit(item, { requests, limits }));
    }
  }
  return complaints;
}

/** Only these count at the level of a pod. */
function podLevel(amounts: Amounts | undefined): Amounts {
  const { cpu, memory } = amounts ?? {};
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}

function claimComplaints(request: AdmissionRequest, { spec }: LimitRange): string[] {
  const claim = objectOf(request, persistentVolumeClaims);
  const requests = claim.spec?.resources?.requests ?? {};
  return (spec?.limits ?? [])
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) => checkLimit(item, { requests }));
}
