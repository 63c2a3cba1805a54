import type { Affinity, Pod, PodAffinityTerm } from '#shared/api/types/core-v1.ts';
import { selectorOf, type Selector } from '#shared/kube/selectors.ts';

export type Labels = Readonly<Record<string, string>>;
export const noLabels: Labels = Object.freeze({});

/** One pod (anti-)affinity term, compiled; preferred terms have a weight, required ones 0. */
export interface AffinityTerm {
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: Selector;
  readonly selector: Selector;
  readonly topologyKey: string;
  readonly weight: number;
  /** Equal for terms that mean the same. */
  readonly key: string;
}

export interface AffinityTerms {
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
}

export type TermKind = keyof AffinityTerms;

/** `undefined` for a pod that mentions neither pod affinity nor anti-affinity. */
export function affinityTermsOf(pod: Pod): AffinityTerms | undefined {
  const { podAffinity, podAntiAffinity }: Affinity = pod.spec.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return undefined;
  const namespace = pod.metadata.namespace ?? '';
  const required = (terms: readonly PodAffinityTerm[] = []): AffinityTerm[] =>
    terms.map((term) => compile(namespace, term, 0));
  return {
    requiredAffinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: (podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ weight, podAffinityTerm }) => compile(namespace, podAffinityTerm, weight),
    ),
    preferredAntiAffinity: (
      podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    ).map(({ weight, podAffinityTerm }) => compile(namespace, podAffinityTerm, weight)),
  };
}

/** Whether the term means this pod, given the labels of the pod's namespace. */
export function termMatches(
  term: AffinityTerm,
  { namespace, labels }: { readonly namespace: string; readonly labels: Labels },
  namespaceLabels: Labels | undefined,
): boolean {
  if (!term.namespaces.has(namespace) && !term.namespaceSelector.matches(namespaceLabels))
    return false;
  return term.selector.matches(labels);
}

/** False for no terms at all. */
export function matchesAllTerms(
  terms: readonly AffinityTerm[],
  pod: { readonly namespace: string; readonly labels: Labels },
): boolean {
  return terms.length > 0 && terms.every((term) => termMatches(term, pod, undefined));
}

/**
 * The term with the namespaces that its selector names now. Upstream keeps the selector too, matched
 * against no labels: one that only excludes then means every namespace.
 */
export function withNamespaces(
  term: AffinityTerm,
  namespaces: Iterable<{
    readonly metadata: { readonly name?: string; readonly labels?: Labels };
  }>,
): AffinityTerm {
  const { namespaceSelector } = term;
  if (namespaceSelector.isEverything || namespaceSelector.requirements.length === 0) return term;
  const names = new Set(term.namespaces);
  for (const { metadata } of namespaces)
    if (namespaceSelector.matches(metadata.labels)) names.add(metadata.name ?? '');
  return { ...term, namespaces: names, key: `${term.key}|${[...names].sort().join(',')}` };
}

function compile(namespace: string, term: PodAffinityTerm, weight: number): AffinityTerm {
  const { labelSelector, namespaceSelector, namespaces, topologyKey } = term;
  const names = namespaces?.length || namespaceSelector ? (namespaces ?? []) : [namespace];
  return {
    namespaces: new Set(names),
    namespaceSelector: selectorOf(namespaceSelector),
    selector: selectorOf(labelSelector),
    topologyKey,
    weight,
    key: JSON.stringify([topologyKey, weight, names, namespaceSelector, labelSelector]),
  };
}
