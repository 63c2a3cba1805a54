import { isExempt } from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import {
  callHook,
  CallFailure,
  concerned,
  failClosed,
  hooksOf,
  type Hook,
} from '#main/control-plane/apiserver/admission/dynamic/webhooks.ts';
import type {
  AdmissionContext,
  AdmissionPlugin,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { validatingWebhookConfigurations } from '#shared/api/admissionregistration/validating-webhook-configuration.ts';
import type { ValidatingWebhook } from '#shared/api/types/admissionregistration-v1.ts';

/** Webhooks that may refuse objects, all at once. */
export function validatingWebhooks(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (_operation, resource) => !isExempt(resource),
    validate(request, context) {
      const hooks = hooksOf<ValidatingWebhook>(
        context.objects.list(validatingWebhookConfigurations),
      );
      return hooks.length === 0 ? undefined : validateAll(request, hooks, context, authorizer);
    },
  };
}

async function validateAll(
  request: AdmissionRequest,
  hooks: readonly Hook<ValidatingWebhook>[],
  context: AdmissionContext,
  authorizer: Authorizer,
): Promise<void> {
  // Whom to ask is known before anybody is asked: an error there refuses at once.
  const asked = hooks.map(async (hook) => {
    const concern = await concerned(request, hook, context, authorizer);
    return concern ? [{ hook, versioned: concern.versioned }] : [];
  });
  const concerns = (await Promise.all(asked)).flat();
  const answers = await Promise.allSettled(
    concerns.map(async ({ hook, versioned }) => {
      try {
        await callHook(hook, versioned, context, { isMutating: false });
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        const { failurePolicy, name } = hook.webhook;
        if (failurePolicy !== 'Ignore') throw failClosed(error);
        context.log.warn('A webhook cannot be asked; going on without', { webhook: name, error });
      }
    }),
  );
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
}
