import type {
  MutatingWebhook,
  ValidatingWebhook,
} from '#shared/api/types/admissionregistration-v1.ts';
import { validateMatchConditions } from '#shared/api/admissionregistration/expressions.ts';
import {
  defaultRules,
  failurePolicies,
  matchPolicies,
  oneOf,
  reinvocationPolicies,
  validateRule,
} from '#shared/api/admissionregistration/rules.ts';
import { validateWebhookClient } from '#shared/api/admissionregistration/webhook-client.ts';
import { ageColumn, nameColumn } from '#shared/api/columns.ts';
import { countGeneration } from '#shared/api/strategies.ts';
import { invalidEach, isClean } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { duplicateValue, invalidValue, notSupported, required } from '#shared/kube/field-error.ts';
import { dns1035Label, dns1123Subdomain } from '#shared/kube/names.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import type { Column } from '#shared/kube/resource.ts';

/** What configurations of validating and of mutating webhooks share. */

type Webhook = MutatingWebhook | ValidatingWebhook;
type Webhooks = readonly Webhook[];
type Configuration = KubeObject & { readonly webhooks?: Webhooks };

interface Allowances {
  readonly ignoresConditions: boolean;
  readonly allowsSideEffects: boolean;
  readonly allowsUnknownVersions: boolean;
  readonly allowsSameNames: boolean;
  readonly allowsInvalidValues: boolean;
}

const none: Allowances = Object.freeze({
  ignoresConditions: false,
  allowsSideEffects: false,
  allowsUnknownVersions: false,
  allowsSameNames: false,
  allowsInvalidValues: false,
});
const harmless = ['None', 'NoneOnDryRun'];
const sideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const reviewVersions = ['v1', 'v1beta1'];

export function defaultWebhook(webhook: Draft<Webhook>): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  defaultRules(webhook.rules);
  const { service } = webhook.clientConfig;
  if (service) service.port ??= 443;
}

export function countWebhooksGeneration(draft: Draft<Configuration>, old: Configuration): void {
  countGeneration(draft, old, { value: draft.webhooks, before: old.webhooks });
}

export function validateWebhooks({ webhooks = [] }: Configuration): Iterable<FieldError> {
  return validateAll(webhooks, none);
}

/** What the old ones do already stays acceptable. */
export function validateWebhooksUpdate(
  { webhooks = [] }: Configuration,
  { webhooks: old = [] }: Configuration,
): Iterable<FieldError> {
  const conditionsOf = (items: Webhooks): unknown[] =>
    items.map(({ matchConditions = [] }) => matchConditions);
  return validateAll(webhooks, {
    ignoresConditions:
      webhooks.length === old.length && semanticEqual(conditionsOf(old), conditionsOf(webhooks)),
    allowsSideEffects: old.some((webhook) => !harmless.includes(webhook.sideEffects ?? '')),
    allowsUnknownVersions: old.some(
      ({ admissionReviewVersions: versions }) =>
        versions.length > 0 && !versions.some((version) => reviewVersions.includes(version)),
    ),
    allowsSameNames: new Set(old.map(({ name }) => name)).size < old.length,
    allowsInvalidValues: old.some(
      ({ namespaceSelector, objectSelector }) =>
        !isClean(validateLabelSelector(namespaceSelector, '')) ||
        !isClean(validateLabelSelector(objectSelector, '')),
    ),
  });
}

function* validateAll(webhooks: Webhooks, allows: Allowances): Iterable<FieldError> {
  const names = new Set<string>();
  for (const [index, webhook] of webhooks.entries()) {
    const field = `webhooks[${index}]`;
    yield* validateWebhook(webhook, field, allows);
    yield* validateReviewVersions(
      webhook.admissionReviewVersions ?? [],
      `${field}.admissionReviewVersions`,
      allows,
    );
    const { name } = webhook;
    if (!name || allows.allowsSameNames) continue;
    if (names.has(name)) yield duplicateValue(`${field}.name`, name);
    names.add(name);
  }
}

function* validateWebhook(
  webhook: Webhook,
  field: string,
  allows: Allowances,
): Iterable<FieldError> {
  const { sideEffects: effects, timeoutSeconds: timeout } = webhook;
  yield* fullyQualifiedName(webhook.name, `${field}.name`);
  for (const [index, rule] of (webhook.rules ?? []).entries()) {
    yield* validateRule(rule, `${field}.rules[${index}]`);
  }
  yield* oneOf(webhook.failurePolicy, `${field}.failurePolicy`, failurePolicies);
  yield* oneOf(webhook.matchPolicy, `${field}.matchPolicy`, matchPolicies);
  const allowed = allows.allowsSideEffects ? sideEffects : harmless;
  if (typeof effects !== 'string') {
    yield required(`${field}.sideEffects`, `must specify one of ${allowed.join(', ')}`);
  } else if (!allowed.includes(effects)) {
    yield notSupported(`${field}.sideEffects`, effects, allowed);
  }
  if (timeout !== undefined && (timeout > 30 || timeout < 1)) {
    yield invalidValue(
      `${field}.timeoutSeconds`,
      timeout,
      'the timeout value must be between 1 and 30 seconds',
    );
  }
  yield* validateLabelSelector(webhook.namespaceSelector, `${field}.namespaceSelector`, allows);
  yield* validateLabelSelector(webhook.objectSelector, `${field}.objectSelector`, allows);
  if ('reinvocationPolicy' in webhook) {
    const policy = webhook.reinvocationPolicy;
    yield* oneOf(policy, `${field}.reinvocationPolicy`, reinvocationPolicies);
  }
  yield* validateWebhookClient(webhook.clientConfig, `${field}.clientConfig`);
  if (allows.ignoresConditions) return;
  yield* validateMatchConditions(webhook.matchConditions, `${field}.matchConditions`, false);
}

function* fullyQualifiedName(name: string | undefined, field: string): Iterable<FieldError> {
  if (!name) {
    yield required(field);
    return;
  }
  const problems = dns1123Subdomain(name);
  if (problems.length > 0) yield invalidValue(field, name, problems.join(','));
  else if (name.split('.').length < 3) {
    yield invalidValue(
      field,
      name,
      'should be a domain with at least three segments separated by dots',
    );
  }
}

function* validateReviewVersions(
  versions: readonly string[],
  field: string,
  { allowsUnknownVersions }: Allowances,
): Iterable<FieldError> {
  if (versions.length === 0) {
    yield required(field, `must specify one of ${reviewVersions.join(', ')}`);
    return;
  }
  for (const [index, version] of versions.entries()) {
    const path = `${field}[${index}]`;
    if (versions.indexOf(version) < index) yield invalidValue(path, version, 'duplicate version');
    else yield* invalidEach(path, version, dns1035Label(version));
  }
  if (allowsUnknownVersions || versions.some((version) => reviewVersions.includes(version))) return;
  yield invalidValue(field, versions, `must include at least one of ${reviewVersions.join(', ')}`);
}

export const webhookColumns: readonly Column<Configuration>[] = [
  nameColumn,
  { name: 'Webhooks', type: 'integer', value: ({ webhooks }) => webhooks?.length ?? 0 },
  ageColumn,
];
