import { draftOf, objectOf } from '#main/control-plane/apiserver/admission/request-objects.ts';
import {
  mountToken,
  referencesOf,
} from '#main/control-plane/apiserver/admission/service-account-volume.ts';
import { unlistedSecret } from '#main/control-plane/apiserver/admission/mountable-secrets.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { isSameKind, refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import { sleep } from '#shared/base/clock.ts';
import { mirrorAnnotation } from '#shared/api/core/pod/annotations.ts';
import { pods } from '#shared/api/core/pod.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Pod, ServiceAccount } from '#shared/api/types/core-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

const defaultName = 'default';
/** The default account of a young namespace may still be on its way. */
const patience = { attempts: 10, intervalMs: 150 };

/** Every pod runs as a service account that exists, and carries its token. */
export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  handles: (operation, resource, subresource) =>
    isSameKind(resource, pods) &&
    ((operation === 'CREATE' && subresource === '') ||
      (operation === 'UPDATE' && subresource === 'ephemeralcontainers')),
  admit(request, context) {
    if (request.operation !== 'CREATE') return undefined;
    const pod = draftOf(request, pods);
    if (isMirror(pod)) {
      checkMirror(request, pod);
      return undefined;
    }
    const { spec } = pod;
    if (!spec) return undefined;
    spec.serviceAccountName ||= spec.serviceAccount || defaultName;
    spec.serviceAccount = spec.serviceAccountName;
    const account = find(request, context);
    if (account) {
      equip(pod, account);
      return undefined;
    }
    return wait(request, context).then((late) => equip(pod, late));
  },
  validate(request, context) {
    const pod = objectOf(request, pods);
    if (isMirror(pod) && request.operation === 'CREATE') {
      checkMirror(request, pod);
      return undefined;
    }
    const name = pod.spec?.serviceAccountName;
    if (!name) {
      const { namespace } = request;
      throw refuse(
        request,
        `no service account specified for pod ${namespace}/${pod.metadata.name ?? ''}`,
      );
    }
    const account = find(request, context);
    if (account) {
      checkSecrets(request, account);
      return undefined;
    }
    return wait(request, context).then((late) => checkSecrets(request, late));
  },
};

function isMirror({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}

/** The kubelet's own pods do without what only the API gives out. */
function checkMirror(request: AdmissionRequest, pod: Pod): void {
  if (pod.spec?.serviceAccountName) {
    throw refuse(request, 'a mirror pod may not reference service accounts');
  }
  if (referencesOf(pod).some((reference) => reference.startsWith('secrets '))) {
    throw refuse(request, 'a mirror pod may not reference secrets');
  }
  for (const { projected } of pod.spec?.volumes ?? []) {
    if (projected?.sources?.some((source) => source.serviceAccountToken)) {
      throw refuse(request, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

function find(
  request: AdmissionRequest,
  { objects }: AdmissionContext,
): ServiceAccount | undefined {
  const name = objectOf(request, pods).spec.serviceAccountName!;
  return objects.get(serviceAccounts, { namespace: request.namespace, name });
}

async function wait(request: AdmissionRequest, context: AdmissionContext): Promise<ServiceAccount> {
  const { serviceAccountName: name } = objectOf(request, pods).spec;
  const attempts = name === defaultName ? patience.attempts : 1;
  for (let attempt = 1; attempt < attempts; attempt++) {
    await sleep(context.clock, patience.intervalMs);
    const account = find(request, context);
    if (account) return account;
  }
  throw refuse(
    request,
    `error looking up service account ${request.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
  );
}

function equip(pod: Draft<Pod>, account: ServiceAccount): void {
  const spec = pod.spec;
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  if (mounts) mountToken(spec);
  const secrets = account.imagePullSecrets ?? [];
  if (!spec.imagePullSecrets?.length && secrets.length > 0) {
    spec.imagePullSecrets = secrets.map(({ name }) => ({ ...(name !== undefined && { name }) }));
  }
}

const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Where the account asks for it, a pod may use only the secrets that the account lists. */
function checkSecrets(request: AdmissionRequest, account: ServiceAccount): void {
  const wish = account.metadata.annotations?.['kubernetes.io/enforce-mountable-secrets'];
  if (wish === undefined || !truths.has(wish)) return;
  const complaint = unlistedSecret(objectOf(request, pods), account, {
    isEphemeralOnly: request.subresource === 'ephemeralcontainers',
  });
  if (complaint !== undefined) throw refuse(request, complaint);
}
