import type {
  Affinity,
  NodeAffinity,
  PodAffinity,
  PodAffinityTerm,
  PodAntiAffinity,
} from '#shared/api/types/core-v1.ts';
import { validateNodeSelector, validateNodeSelectorTerm } from '#shared/api/core/node-selector.ts';
import type { PodAllowances } from '#shared/api/core/pod/context.ts';
import { validateSelectorKeys } from '#shared/api/core/pod/label-keys.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidEach } from '#shared/kube/checks.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { dns1123Label } from '#shared/kube/names.ts';
import { validateLabelName, validateLabelSelector } from '#shared/kube/object-meta.ts';

const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredTerms = 'preferredDuringSchedulingIgnoredDuringExecution';

export function* validateAffinity(
  { nodeAffinity, podAffinity, podAntiAffinity }: Affinity,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  if (nodeAffinity) yield* validateNodeAffinity(nodeAffinity, `${field}.nodeAffinity`, allows);
  if (podAffinity) yield* validatePodAffinity(podAffinity, `${field}.podAffinity`, allows);
  if (podAntiAffinity) {
    yield* validatePodAffinity(podAntiAffinity, `${field}.podAntiAffinity`, allows);
  }
}

function* validateNodeAffinity(
  affinity: NodeAffinity,
  field: string,
  { invalidNodeAffinityValues }: PodAllowances,
): Iterable<FieldError> {
  const selector = affinity[requiredTerms];
  if (selector) {
    const rules = { allowsInvalidValues: invalidNodeAffinityValues };
    yield* validateNodeSelector(selector, `${field}.${requiredTerms}`, rules);
  }
  for (const [index, { weight, preference }] of (affinity[preferredTerms] ?? []).entries()) {
    const path = `${field}.${preferredTerms}[${index}]`;
    yield* validateWeight(weight, path);
    // Values of preferences were never checked and stay so.
    yield* validateNodeSelectorTerm(preference ?? {}, `${path}.preference`, {
      allowsInvalidValues: true,
    });
  }
}

function* validateWeight(weight: number | undefined, field: string): Iterable<FieldError> {
  const number = weight ?? 0;
  if (number <= 0 || number > 100) {
    yield invalidValue(`${field}.weight`, number, 'must be in the range 1-100');
  }
}

function* validatePodAffinity(
  affinity: PodAffinity | PodAntiAffinity,
  field: string,
  allows: PodAllowances,
): Iterable<FieldError> {
  for (const [index, term] of (affinity[requiredTerms] ?? []).entries()) {
    yield* validateTerm(term, `${field}.${requiredTerms}[${index}]`, allows);
  }
  for (const [index, { weight, podAffinityTerm }] of (affinity[preferredTerms] ?? []).entries()) {
    const path = `${field}.${preferredTerms}[${index}]`;
    yield* validateWeight(weight, path);
    yield* validateTerm(podAffinityTerm, `${path}.podAffinityTerm`, allows);
  }
}

function* validateTerm(
  term: PodAffinityTerm,
  field: string,
  { invalidSelectorValues }: PodAllowances,
): Iterable<FieldError> {
  const rules = { allowsInvalidValues: invalidSelectorValues };
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  yield* validateLabelSelector(labelSelector, `${field}.labelSelector`, rules);
  yield* validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`, rules);
  for (const namespace of namespaces) {
    yield* invalidEach(`${field}.namespace`, namespace, dns1123Label(namespace));
  }
  yield* validateSelectorKeys(term, field);
  if (!topologyKey) yield required(`${field}.topologyKey`, 'can not be empty');
  yield* validateLabelName(topologyKey, `${field}.topologyKey`);
}
