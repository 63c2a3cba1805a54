import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type {
  Attributes,
  Authorizer,
  Decision,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import {
  concerns,
  type CompiledRule,
} from '#main/control-plane/apiserver/authorization/policy-rules.ts';
import {
  RbacIndex,
  groupKey,
  userKey,
  type Bound,
} from '#main/control-plane/apiserver/authorization/rbac-index.ts';
import type {
  RuleResolver,
  UserRules,
} from '#main/control-plane/apiserver/authorization/user-rules.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { PolicyRule, RoleRef } from '#shared/api/types/rbac-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** Role-based access control, decided from the roles and bindings in the cache. */
export interface Rbac extends Authorizer, RuleResolver, Disposable {
  authorize(attributes: Attributes): Decision;
  /** Every rule that applies to the user, and what could not be resolved. */
  policyRules(
    user: UserInfo,
    namespace: string,
  ): { readonly rules: readonly PolicyRule[]; readonly errors: readonly string[] };
  /** What a role reference grants in a binding of this namespace; throws `NotFound`. */
  referencedRules(roleRef: RoleRef, namespace: string): readonly PolicyRule[];
}

export function createRbac(objects: ObjectCache): Rbac {
  return new IndexedRbac(objects);
}

/** Everything granted to one user in one namespace, with the decisions that were made of it. */
interface Grants {
  readonly granted: readonly Granted[];
  readonly errors: readonly string[];
  readonly refusal: Decision;
  readonly decisions: Map<string, readonly Candidate[]>;
}

interface Granted {
  readonly rules: readonly CompiledRule[];
  readonly decision: Decision;
}

/** A rule that speaks of such requests, for these names. */
interface Candidate {
  readonly names: ReadonlySet<string> | undefined;
  readonly decision: Decision;
}

/** How many sorts of requests are remembered for each user and namespace. */
const rememberedDecisions = 1000;

class IndexedRbac implements Rbac {
  readonly name = 'RBAC';
  readonly #index: RbacIndex;
  #grants = new WeakMap<UserInfo, Map<string, Grants>>();

  constructor(objects: ObjectCache) {
    this.#index = new RbacIndex(objects, () => {
      this.#grants = new WeakMap();
    });
  }

  authorize(attributes: Attributes): Decision {
    const grants = this.#grantsOf(attributes.user, attributes.namespace);
    const key = keyOfRequest(attributes);
    let candidates = grants.decisions.get(key);
    if (!candidates) {
      candidates = candidatesAmong(grants.granted, attributes);
      if (grants.decisions.size >= rememberedDecisions) grants.decisions.clear();
      grants.decisions.set(key, candidates);
    }
    for (const { names, decision } of candidates)
      if (!names || names.has(attributes.name)) return decision;
    return grants.refusal;
  }

  policyRules(user: UserInfo, namespace: string): ReturnType<Rbac['policyRules']> {
    const { granted, errors } = this.#grantsOf(user, namespace);
    return { rules: granted.flatMap(({ rules }) => rules.map(({ rule }) => rule)), errors };
  }

  referencedRules(roleRef: RoleRef, namespace: string): readonly PolicyRule[] {
    const rules = this.#index.rules({ namespace, roleRef });
    if (!rules) throw new ApiError('NotFound', missing(roleRef), { details: detailsOf(roleRef) });
    return rules.map(({ rule }) => rule);
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    const { rules, errors } = this.policyRules(user, namespace);
    return {
      resourceRules: rules
        .filter(({ resources = [] }) => resources.length > 0)
        .map(({ verbs, apiGroups, resources, resourceNames }) => ({
          verbs,
          ...(apiGroups && { apiGroups }),
          ...(resources && { resources }),
          ...(resourceNames && { resourceNames }),
        })),
      nonResourceRules: rules
        .filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0)
        .map(({ verbs, nonResourceURLs }) => ({
          verbs,
          ...(nonResourceURLs && { nonResourceURLs }),
        })),
      incomplete: false,
      errors: errors.length > 0 ? [aggregate(errors)] : [],
    };
  }

  [Symbol.dispose](): void {
    this.#index[Symbol.dispose]();
  }

  #grantsOf(user: UserInfo, namespace: string): Grants {
    let byNamespace = this.#grants.get(user);
    if (!byNamespace) this.#grants.set(user, (byNamespace = new Map()));
    let grants = byNamespace.get(namespace);
    if (!grants) byNamespace.set(namespace, (grants = this.#resolve(user, namespace)));
    return grants;
  }

  /** A namespace that adds nothing shares what the user has everywhere. */
  #resolve(user: UserInfo, namespace: string): Grants {
    const subjects = [userKey(user.name), ...user.groups.map(groupKey)];
    const own = namespace ? this.#index.boundTo(namespace, subjects) : [];
    if (namespace && own.length === 0) return this.#grantsOf(user, '');
    const granted: Granted[] = [];
    const errors: string[] = [];
    for (const bound of [...this.#index.boundTo('', subjects), ...own]) {
      const rules = this.#index.rules(bound);
      if (rules) granted.push({ rules, decision: allowedBy(bound) });
      else errors.push(missing(bound.roleRef));
    }
    const reason = errors.length > 0 ? `RBAC: ${aggregate(errors)}` : '';
    return { granted, errors, refusal: { verdict: 'NoOpinion', reason }, decisions: new Map() };
  }
}

function keyOfRequest({
  isResourceRequest,
  verb,
  apiGroup,
  resource,
  subresource,
  path,
}: Attributes): string {
  return isResourceRequest ? `${verb} ${apiGroup} ${resource}/${subresource}` : `${verb} ${path}`;
}

function candidatesAmong(granted: readonly Granted[], attributes: Attributes): Candidate[] {
  const found: Candidate[] = [];
  for (const { rules, decision } of granted)
    for (const rule of rules)
      if (concerns(rule, attributes)) {
        const names = attributes.isResourceRequest ? rule.names : undefined;
        found.push({ names, decision });
        if (!names) return found;
      }
  return found;
}

function allowedBy({ description }: Bound): Decision {
  return { verdict: 'Allow', reason: `RBAC: allowed by ${description}` };
}

function missing({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}

function detailsOf({ kind, name }: RoleRef): { name: string; group: string; kind: string } {
  return { name, group: 'rbac.authorization.k8s.io', kind: kind.toLowerCase() };
}

/** Several errors in one sentence, as upstream's aggregate prints them: each once. */
function aggregate(errors: readonly string[]): string {
  const [first = '', ...others] = new Set(errors);
  return others.length === 0 ? first : `[${[first, ...others].join(', ')}]`;
}
