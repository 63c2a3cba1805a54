import { privilegedGroup } from '#main/control-plane/apiserver/authentication/users.ts';
import type {
  Attributes,
  Authorizer,
  Decision,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';

/** Members of `system:masters` may do everything; about others it has no opinion. */
export const privilegedGroups: Authorizer = {
  name: 'AlwaysAllowPrivilegedGroups',
  authorize: ({ user }) => (user.groups.includes(privilegedGroup) ? allowed : noOpinion),
};

const allowed: Decision = { verdict: 'Allow', reason: '' };
const noOpinion: Decision = { verdict: 'NoOpinion', reason: '' };

/** Asks in order until one allows or denies; what the others had to say is the reason of the refusal. */
export function createAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return { name: 'union', authorize: (attributes) => askFrom(authorizers, attributes, []) };
}

/** Waits only where an authorizer has to ask somebody else. */
function askFrom(
  authorizers: readonly Authorizer[],
  attributes: Attributes,
  before: readonly Decision[],
): Decision | Promise<Decision> {
  let opinions = before;
  for (let i = 0; i < authorizers.length; i++) {
    const decision = authorizers[i]!.authorize(attributes);
    if (decision instanceof Promise) {
      const [others, heard] = [authorizers.slice(i + 1), opinions];
      return decision.then((one) =>
        one.verdict === 'NoOpinion' ? askFrom(others, attributes, [...heard, one]) : one,
      );
    }
    if (decision.verdict !== 'NoOpinion') return decision;
    if (decision.reason || decision.errors) opinions = [...opinions, decision];
  }
  return joined(opinions);
}

function joined(opinions: readonly Decision[]): Decision {
  const errors = opinions.flatMap((opinion) => opinion.errors ?? []);
  const reasons = opinions.map(({ reason }) => reason).filter(Boolean);
  if (reasons.length === 0 && errors.length === 0) return noOpinion;
  return {
    verdict: 'NoOpinion',
    reason: reasons.join('\n'),
    ...(errors.length > 0 && { errors }),
  };
}
