import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { timestamp } from '#main/control-plane/apiserver/registry/metadata.ts';
import { get } from '#main/control-plane/apiserver/registry/read.ts';
import { writeThrough } from '#main/control-plane/apiserver/registry/subresource.ts';
import { statusOnly, type UpdateStrategy } from '#main/control-plane/apiserver/registry/update.ts';
import { refuse } from '#main/control-plane/apiserver/registry/validation.ts';
import { validateApproval } from '#shared/api/certificates/certificate-signing-request.ts';
import type { CertificateSigningRequest } from '#shared/api/types/certificates-v1.ts';
import type { Draft } from '#shared/kube/object.ts';

type Request = Draft<CertificateSigningRequest>;

/** A request is its creator's; approval and the certificate come through doors of their own. */
export const certificateSigningRequestRest: KindRest = {
  beginCreate({ request }, draft) {
    const { spec } = draft as Request;
    const { name, uid, groups, extra } = request.user;
    spec.username = name;
    spec.groups = [...groups];
    if (uid) spec.uid = uid;
    else delete spec.uid;
    if (extra) spec.extra = structuredClone(extra) as NonNullable<Request['spec']['extra']>;
    else delete spec.extra;
    return Promise.resolve(undefined);
  },
  handlers: {
    'get/approval': get,
    'update/approval': (request, core) => writeThrough(request, core, approval(core)),
    'patch/approval': (request, core) => writeThrough(request, core, approval(core)),
    'update/status': (request, core) => writeThrough(request, core, status(core)),
    'patch/status': (request, core) => writeThrough(request, core, status(core)),
  },
};

function approval(core: Core): UpdateStrategy {
  return {
    prepare(_resource, draft, old) {
      const request = draft as Request;
      const before = old as Request;
      const { certificate: _certificate, ...rest } = request.status ?? {};
      const issued = before.status?.certificate;
      request.spec = before.spec;
      request.status = { ...rest, ...(issued && { certificate: issued }) };
      stampConditions(request, before, core);
    },
    check(resource, draft, old) {
      refuse(resource, draft, [...validateApproval(draft as Request, old as Request)]);
    },
  };
}

function status(core: Core): UpdateStrategy {
  return {
    prepare(resource, draft, old, now) {
      statusOnly.prepare(resource, draft, old, now);
      stampConditions(draft as Request, old as Request, core);
    },
    check: (resource, draft, old) => statusOnly.check(resource, draft, old),
  };
}

/** Conditions that came without times get the present one; one that keeps its status keeps its time. */
function stampConditions(
  { status: current }: Request,
  { status: before }: Request,
  { clock }: Core,
): void {
  for (const condition of current?.conditions ?? []) {
    condition.lastUpdateTime ||= timestamp(clock);
    if (condition.lastTransitionTime) continue;
    const known = before?.conditions?.find(({ type }) => type === condition.type);
    condition.lastTransitionTime =
      known?.status === condition.status && known.lastTransitionTime
        ? known.lastTransitionTime
        : timestamp(clock);
  }
}
