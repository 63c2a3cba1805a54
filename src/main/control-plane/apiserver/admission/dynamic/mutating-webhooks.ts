import { isExempt } from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import type { Reinvocation } from '#main/control-plane/apiserver/admission/dynamic/reinvocation.ts';
import { codecFor, replaceDraft } from '#main/control-plane/apiserver/admission/dynamic/replace.ts';
import { patched } from '#main/control-plane/apiserver/admission/dynamic/review.ts';
import { convertTo, kindOf } from '#main/control-plane/apiserver/admission/dynamic/kinds.ts';
import {
  callHook,
  CallFailure,
  concerned,
  failClosed,
  hooksOf,
  type Concern,
  type Hook,
} from '#main/control-plane/apiserver/admission/dynamic/webhooks.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { mutatingWebhookConfigurations } from '#shared/api/admissionregistration/mutating-webhook-configuration.ts';
import type { MutatingWebhook } from '#shared/api/types/admissionregistration-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** Webhooks that may change objects, one after the other. */
export function mutatingWebhooks(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (_operation, resource) => !isExempt(resource),
    admit(request, context, reinvocation) {
      const hooks = hooksOf<MutatingWebhook>(context.objects.list(mutatingWebhookConfigurations));
      if (hooks.length === 0) return undefined;
      return admitAll(request, { hooks, context, authorizer, reinvocation });
    },
  };
}

interface Round {
  readonly hooks: readonly Hook<MutatingWebhook>[];
  readonly context: AdmissionContext;
  readonly authorizer: Authorizer;
  readonly reinvocation: Reinvocation;
}

async function admitAll(request: AdmissionRequest, round: Round): Promise<void> {
  const { context, authorizer, reinvocation } = round;
  for (const hook of round.hooks) {
    if (reinvocation.isSecondRound && !reinvocation.isDue(hook.id)) continue;
    const concern = await concerned(request, hook, context, authorizer);
    if (!concern) continue;
    const { failurePolicy, reinvocationPolicy, name } = hook.webhook;
    try {
      const { patch } = await callHook(hook, concern.versioned, context, { isMutating: true });
      if (patch && patch.length > 0 && (await change(concern, patch, { name, context }))) {
        reinvocation.changed();
      }
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (failurePolicy !== 'Ignore') throw failClosed(error);
      context.log.warn('A webhook cannot be asked; going on without', { webhook: name, error });
    }
    if (reinvocationPolicy === 'IfNeeded') reinvocation.seen(hook.id);
  }
}

/** Puts what the patch makes of the object into the draft; whether it is another now. */
async function change(
  { versioned, match }: Concern,
  patch: readonly unknown[],
  { name, context }: { readonly name: string; readonly context: AdmissionContext },
): Promise<boolean> {
  const { request } = versioned;
  const { object: draft } = request;
  if (!draft || !versioned.object) {
    throw new ApiError(
      'InternalError',
      `Internal error occurred: admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    );
  }
  let value: unknown;
  try {
    value = patched(versioned.object, patch);
  } catch (error) {
    const { message } = error as Error;
    throw new ApiError('InternalError', `Internal error occurred: ${message}`, { cause: error });
  }
  const before = structuredClone(draft) as KubeObject;
  const own = context.catalog.of(request.resource);
  const { served } = match;
  const isOther =
    own &&
    served &&
    own !== served &&
    kindOf(request.resource, request.subresource).kind === request.resource.kind;
  const back = isOther ? await convertTo(served, own, value as KubeObject) : value;
  const codec = codecFor(request, context);
  if (!codec) throw new Error(`There is no codec for ${request.resource.plural}`);
  replaceDraft(draft, back, codec);
  return !semanticEqual(before, draft);
}
