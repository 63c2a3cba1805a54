import type { Attributes } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import type { PolicyRule } from '#shared/api/types/rbac-v1.ts';

/** A rule with its lists made into sets; a set that is absent holds everything. */
export interface CompiledRule {
  readonly rule: PolicyRule;
  readonly verbs: ReadonlySet<string> | undefined;
  readonly groups: ReadonlySet<string> | undefined;
  readonly resources: ReadonlySet<string> | undefined;
  /** Absent: any name, and requests without a name. */
  readonly names: ReadonlySet<string> | undefined;
}

const any = '*';

export function compileRule(rule: PolicyRule): CompiledRule {
  const { resourceNames = [] } = rule;
  return {
    rule,
    verbs: setUnlessAny(rule.verbs),
    groups: setUnlessAny(rule.apiGroups ?? []),
    resources: setUnlessAny(rule.resources ?? []),
    names: resourceNames.length > 0 ? new Set(resourceNames) : undefined,
  };
}

/** Everything but the name: whether the rule speaks of such requests at all. */
export function concerns(rule: CompiledRule, attributes: Attributes): boolean {
  const { verb, apiGroup, resource, subresource, path } = attributes;
  if (rule.verbs && !rule.verbs.has(verb)) return false;
  if (!attributes.isResourceRequest) return concernsPath(rule.rule, path);
  if (rule.groups && !rule.groups.has(apiGroup)) return false;
  if (!rule.resources) return true;
  if (!subresource) return rule.resources.has(resource);
  return rule.resources.has(`${resource}/${subresource}`) || rule.resources.has(`*/${subresource}`);
}

export function allows(rule: CompiledRule, attributes: Attributes): boolean {
  if (!concerns(rule, attributes)) return false;
  return !attributes.isResourceRequest || !rule.names || rule.names.has(attributes.name);
}

function concernsPath({ nonResourceURLs = [] }: PolicyRule, path: string): boolean {
  return nonResourceURLs.some((pattern) => coversPath(pattern, path));
}

/** `*`, the path itself, or a prefix that ends in `*`. */
function coversPath(pattern: string, path: string): boolean {
  if (pattern === path || pattern === any) return true;
  return pattern.endsWith(any) && path.startsWith(pattern.replace(/\*+$/, ''));
}

function setUnlessAny(items: readonly string[]): ReadonlySet<string> | undefined {
  return items.includes(any) ? undefined : new Set(items);
}

/** The parts of `wanted` that `held` does not grant; empty when it grants all of them. */
export function uncovered(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): readonly PolicyRule[] {
  return wanted.flatMap(atoms).filter((atom) => !held.some((rule) => covers(rule, atom)));
}

/** A rule as a list of rules with one group, resource, verb and name each. */
function atoms(rule: PolicyRule): PolicyRule[] {
  const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs } = rule;
  const found: PolicyRule[] = [];
  for (const group of apiGroups)
    for (const resource of resources)
      for (const verb of verbs) {
        const atom = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (resourceNames.length === 0) found.push(atom);
        for (const name of resourceNames) found.push({ ...atom, resourceNames: [name] });
      }
  for (const url of nonResourceURLs)
    for (const verb of verbs) found.push({ nonResourceURLs: [url], verbs: [verb] });
  return found;
}

function covers(held: PolicyRule, atom: PolicyRule): boolean {
  const names = held.resourceNames ?? [];
  const wantedNames = atom.resourceNames ?? [];
  return (
    holdsAll(held.verbs, atom.verbs) &&
    holdsAll(held.apiGroups ?? [], atom.apiGroups ?? []) &&
    (atom.resources ?? []).every((resource) => coversResource(held.resources ?? [], resource)) &&
    (atom.nonResourceURLs ?? []).every((path) =>
      (held.nonResourceURLs ?? []).some((pattern) => coversUrl(pattern, path)),
    ) &&
    (names.length === 0 ||
      (wantedNames.length > 0 && wantedNames.every((name) => names.includes(name))))
  );
}

function holdsAll(held: readonly string[], wanted: readonly string[]): boolean {
  return held.includes(any) || wanted.every((item) => held.includes(item));
}

function coversResource(held: readonly string[], resource: string): boolean {
  if (held.includes(any) || held.includes(resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && held.includes(`*${resource.slice(slash)}`);
}

function coversUrl(pattern: string, path: string): boolean {
  return (
    pattern === path || (pattern.endsWith(any) && path.startsWith(pattern.replace(/\*+$/, '')))
  );
}
