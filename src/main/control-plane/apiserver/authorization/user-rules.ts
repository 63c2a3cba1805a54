import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type {
  NonResourceRule,
  ResourceRule,
  SubjectRulesReviewStatus,
} from '#shared/api/types/authorization-v1.ts';

/** What one authorizer grants a user in a namespace. */
export interface UserRules {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
  /** The user may have more rights than these. */
  readonly incomplete: boolean;
  readonly errors: readonly string[];
}

/** An authorizer that can list what it grants. */
export interface RuleResolver {
  rulesFor(user: UserInfo, namespace: string): UserRules;
}

/** The status of a SelfSubjectRulesReview. */
export function subjectRules(
  resolvers: readonly RuleResolver[],
  user: UserInfo,
  namespace: string,
): SubjectRulesReviewStatus {
  const all = resolvers.map((resolver) => resolver.rulesFor(user, namespace));
  const errors = all.flatMap((rules) => rules.errors);
  const [first] = errors;
  return {
    resourceRules: all.flatMap((rules) => rules.resourceRules),
    nonResourceRules: all.flatMap((rules) => rules.nonResourceRules),
    incomplete: all.some((rules) => rules.incomplete),
    ...(first && { evaluationError: errors.length > 1 ? `[${errors.join(', ')}]` : first }),
  };
}
