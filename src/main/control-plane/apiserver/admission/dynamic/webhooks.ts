import { celBindings } from '#main/control-plane/apiserver/admission/dynamic/bindings.ts';
import {
  checkConditions,
  compileConditions,
  type CompiledConditions,
} from '#main/control-plane/apiserver/admission/dynamic/match-conditions.ts';
import {
  matchOf,
  type Criteria,
  type Match,
} from '#main/control-plane/apiserver/admission/dynamic/matching.ts';
import {
  createReview,
  readReview,
  UnreadablePatch,
  type ReviewResponse,
} from '#main/control-plane/apiserver/admission/dynamic/review.ts';
import {
  versionedRequest,
  type VersionedRequest,
} from '#main/control-plane/apiserver/admission/dynamic/versioned.ts';
import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import { refuse } from '#main/control-plane/apiserver/admission/refusal.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { WebhookFailure } from '#main/control-plane/apiserver/webhook/failure.ts';
import type {
  MutatingWebhook,
  ValidatingWebhook,
} from '#shared/api/types/admissionregistration-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Status } from '#shared/kube/types/meta-v1.ts';

type Webhook = MutatingWebhook | ValidatingWebhook;

/** One webhook of a configuration. */
export interface Hook<T extends Webhook = Webhook> {
  readonly id: string;
  readonly webhook: T;
  readonly criteria: Criteria;
  readonly conditions: CompiledConditions;
}

const compiled = new WeakMap<KubeObject, readonly Hook[]>();

/** Every webhook of all configurations, in the order of the configurations' names. */
export function hooksOf<T extends Webhook>(
  configurations: Iterable<KubeObject & { readonly webhooks?: readonly T[] }>,
): Hook<T>[] {
  return [...configurations]
    .sort((left, right) => (left.metadata.name < right.metadata.name ? -1 : 1))
    .flatMap((configuration) => hooksIn(configuration));
}

function hooksIn<T extends Webhook>(
  configuration: KubeObject & { readonly webhooks?: readonly T[] },
): readonly Hook<T>[] {
  const known = compiled.get(configuration);
  if (known) return known as readonly Hook<T>[];
  const { webhooks = [], metadata } = configuration;
  const hooks = webhooks.map((webhook, index): Hook<T> => {
    const { rules, matchPolicy, namespaceSelector, objectSelector, matchConditions } = webhook;
    return {
      id: `${metadata.name}/${webhook.name}/${index}`,
      webhook,
      criteria: {
        rules: rules ?? [],
        ...(matchPolicy && { matchPolicy }),
        namespaceSelector,
        objectSelector,
      },
      conditions: compileConditions(matchConditions, false),
    };
  });
  compiled.set(configuration, hooks);
  return hooks;
}

/** The webhook could not be asked; its failure policy says what becomes of the request. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
}

/** What a webhook is to be asked about. */
export interface Concern {
  readonly versioned: VersionedRequest;
  readonly match: Match;
}

/** What the webhook would be asked; nothing if it does not concern the request. */
export async function concerned(
  request: AdmissionRequest,
  { webhook, criteria, conditions }: Hook,
  context: AdmissionContext,
  authorizer: Authorizer,
): Promise<Concern | undefined> {
  const match = matchOf(request, criteria, context);
  if (!match) return undefined;
  const versioned = await versionedRequest(request, match, context);
  if (conditions.conditions.length === 0) return { versioned, match };
  const holds = checkConditions(conditions, celBindings({ versioned, context, authorizer }));
  if (holds === true) return { versioned, match };
  if (holds === false || webhook.failurePolicy === 'Ignore') return undefined;
  throw refuse(request, holds.problem);
}

/** Asks the webhook. Throws `CallFailure` if it cannot be asked, its refusal as `ApiError`. */
export async function callHook(
  { webhook }: Hook,
  versioned: VersionedRequest,
  { webhooks, log }: AdmissionContext,
  { isMutating }: { readonly isMutating: boolean },
): Promise<ReviewResponse> {
  const { name, clientConfig, timeoutSeconds = 10, sideEffects } = webhook;
  const { request } = versioned;
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw new ApiError(
      'BadRequest',
      `admission webhook ${JSON.stringify(name)} does not support dry run`,
    );
  }
  const review = createReview(versioned, webhook.admissionReviewVersions ?? []);
  if (!review) {
    const why =
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)';
    throw failure(name, why);
  }
  let answer: unknown;
  try {
    answer = await webhooks.post(clientConfig, review.body, { timeoutSeconds });
  } catch (error) {
    if (!(error instanceof WebhookFailure)) throw error;
    throw failure(name, `failed to call webhook: ${error.message}`, error);
  }
  const response = read(name, answer, { review, isMutating });
  for (const [key, value] of Object.entries(response.auditAnnotations)) {
    log.debug('Audit annotation by a webhook', { key: `${name}/${key}`, value });
  }
  for (const sentence of response.warnings) request.warn(sentence);
  if (!response.isAllowed) throw denial(name, response.result);
  return response;
}

function read(
  name: string,
  answer: unknown,
  {
    review,
    isMutating,
  }: {
    readonly review: NonNullable<ReturnType<typeof createReview>>;
    readonly isMutating: boolean;
  },
): ReviewResponse {
  try {
    return readReview(answer, review, { isMutating });
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof UnreadablePatch) throw failure(name, message, error);
    throw failure(name, `received invalid webhook response: ${message}`, error);
  }
}

function failure(name: string, why: string, cause?: unknown): CallFailure {
  return new CallFailure(`failed calling webhook ${JSON.stringify(name)}: ${why}`, { cause });
}

/** What upstream answers where a webhook that must be asked cannot be. */
export function failClosed(error: CallFailure): ApiError {
  const { message } = error;
  return new ApiError('InternalError', `Internal error occurred: ${message}`, {
    cause: error,
    causes: [{ type: '', field: '', message }],
  });
}

function denial(name: string, result: Status | undefined): ApiError {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const { message, reason, code = 0, details, metadata } = result ?? {};
  const text = message || reason;
  return ApiError.fromStatus({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: metadata ?? {},
    status: 'Failure',
    message: text ? `${deniedBy}: ${text}` : `${deniedBy} without explanation`,
    reason: reason ?? '',
    code: code < 400 ? 400 : code,
    ...(details && { details }),
  });
}
