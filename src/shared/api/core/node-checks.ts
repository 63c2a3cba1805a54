import type {
  ConfigMapNodeConfigSource,
  NodeConfigSource,
  NodeConfigStatus,
  Taint,
} from '#shared/api/types/core-v1.ts';
import { validateTaintEffect } from '#shared/api/core/pod/tolerations.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { forbiddenValue, invalidValue, required } from '#shared/kube/field-error.ts';
import { configMapKey, dns1123Label, dns1123Subdomain, labelValue } from '#shared/kube/names.ts';
import { validateLabelName } from '#shared/kube/object-meta.ts';

export function* validateTaints(taints: readonly Taint[], field: string): Iterable<FieldError> {
  const seen = new Set<string>();
  for (const [index, taint] of taints.entries()) {
    const path = `${field}[${index}]`;
    const { key, value = '', effect } = taint;
    yield* validateLabelName(key, `${path}.key`);
    const problems = labelValue(value);
    if (problems.length > 0) yield invalidValue(`${path}.value`, value, problems.join(';'));
    yield* validateTaintEffect(effect, `${path}.effect`);
    const pair = `${effect} ${key}`;
    if (seen.has(pair)) {
      yield {
        type: 'FieldValueDuplicate',
        field: path,
        message: `Duplicate value: ${JSON.stringify(taint)}: taints must be unique by key and effect pair`,
      };
    }
    seen.add(pair);
  }
}

/** Where a kubelet once read its configuration; kept for nodes that still say so. */
export function* validateNodeConfig(
  source: NodeConfigSource | undefined,
  status: NodeConfigStatus | undefined,
): Iterable<FieldError> {
  if (source) yield* validateSource(source, 'spec.configSource', 'spec');
  for (const member of ['assigned', 'active', 'lastKnownGood'] as const) {
    const known = status?.[member];
    if (known) yield* validateSource(known, `status.config.${member}`, 'status');
  }
}

function* validateSource(
  source: NodeConfigSource,
  field: string,
  where: 'spec' | 'status',
): Iterable<FieldError> {
  const { configMap } = source;
  if (configMap) yield* validateConfigMap(configMap, `${field}.configMap`, where);
  else yield invalidValue(field, source, 'exactly one reference subfield must be non-nil');
}

function* validateConfigMap(
  { uid, resourceVersion, namespace, name, kubeletConfigKey: key }: ConfigMapNodeConfigSource,
  field: string,
  where: 'spec' | 'status',
): Iterable<FieldError> {
  for (const [member, value] of [
    ['uid', uid],
    ['resourceVersion', resourceVersion],
  ] as const) {
    if (where === 'spec' && value) {
      yield forbiddenValue(`${field}.${member}`, `${member} must not be set in spec`);
    } else if (where === 'status' && !value) yield required(`${field}.${member}`);
  }
  if (!namespace) yield required(`${field}.namespace`);
  else yield* invalidEach(`${field}.namespace`, namespace, dns1123Label(namespace));
  if (!name) yield required(`${field}.name`);
  else yield* invalidEach(`${field}.name`, name, dns1123Subdomain(name));
  if (!key) yield required(`${field}.kubeletConfigKey`);
  else yield* invalidEach(`${field}.kubeletConfigKey`, key, configMapKey(key));
}
