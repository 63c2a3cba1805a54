import type { CustomResourceDefinitionSpec } from '#shared/api/types/apiextensions-v1.ts';
import { validateWebhookClient } from '#shared/api/admissionregistration/webhook-client.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { dns1035Label } from '#shared/kube/names.ts';

type Spec = CustomResourceDefinitionSpec;

const field = 'spec.conversion';
const known = ['v1', 'v1beta1'];
const onlyWebhooks = 'should not be set when strategy is not set to Webhook';

/** How objects are converted from one version to another. */
export function* validateConversion(spec: Spec, old: Spec | undefined): Iterable<FieldError> {
  const { conversion, preserveUnknownFields } = spec;
  if (!conversion) return;
  const { strategy, webhook } = conversion;
  if (strategy !== 'None' && preserveUnknownFields) {
    yield invalidValue(
      `${field}.strategy`,
      strategy,
      'must be None if spec.preserveUnknownFields is true',
    );
  }
  if (!strategy) yield required(`${field}.strategy`);
  else if (strategy !== 'None' && strategy !== 'Webhook') {
    yield notOneOf(`${field}.strategy`, strategy, ['None', 'Webhook']);
  }
  const versions = webhook?.conversionReviewVersions ?? [];
  const client = webhook?.clientConfig;
  const path = `${field}.webhookClientConfig`;
  if (strategy !== 'Webhook') {
    if (client) yield forbiddenValue(path, onlyWebhooks);
    if (versions.length > 0) {
      yield forbiddenValue(`${field}.conversionReviewVersions`, onlyWebhooks);
    }
    return;
  }
  if (client) yield* validateWebhookClient(client, path);
  else yield required(path, 'required when strategy is set to Webhook');
  const before = old?.conversion?.webhook?.conversionReviewVersions ?? [];
  const isLenient = before.length > 0 && !before.some((version) => known.includes(version));
  yield* validateReviewVersions(versions, isLenient);
}

function* validateReviewVersions(
  versions: readonly string[],
  allowsUnknown: boolean,
): Iterable<FieldError> {
  const path = `${field}.conversionReviewVersions`;
  if (versions.length === 0) {
    yield required(path);
    return;
  }
  for (const [index, version] of versions.entries()) {
    const item = `${path}[${index}]`;
    if (versions.indexOf(version) < index) yield invalidValue(item, version, 'duplicate version');
    else yield* invalidEach(item, version, dns1035Label(version));
  }
  if (allowsUnknown || versions.some((version) => known.includes(version))) return;
  yield invalidValue(path, versions, `must include at least one of ${known.join(', ')}`);
}
