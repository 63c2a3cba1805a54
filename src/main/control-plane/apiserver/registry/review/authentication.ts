import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { readPosted } from '#main/control-plane/apiserver/registry/post.ts';
import { answerReview } from '#main/control-plane/apiserver/registry/review/answer.ts';
import type {
  SelfSubjectReview,
  TokenReview,
  TokenReviewStatus,
  UserInfo as ReviewedUser,
} from '#shared/api/types/authentication-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';

const apiVersion = 'authentication.k8s.io/v1';

/** Who am I? */
export const selfSubjectReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const type = {
        type: 'authentication.v1.SelfSubjectReview',
        apiVersion,
        kind: 'SelfSubjectReview',
      };
      const { object, consent } = await readPosted<SelfSubjectReview>(request, core, type);
      await consent();
      return answerReview(object, { userInfo: shownUser(request.user) });
    },
  },
};

/** Whose token is this? */
export const tokenReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const type = { type: 'authentication.v1.TokenReview', apiVersion, kind: 'TokenReview' };
      const { object, consent } = await readPosted<TokenReview>(request, core, type);
      const { token, audiences } = object.spec;
      if (!token) {
        throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
      }
      await consent();
      return answerReview(object, await review(core, token, audiences));
    },
  },
};

async function review(
  { security }: Core,
  token: string,
  audiences: readonly string[] | undefined,
): Promise<TokenReviewStatus> {
  const authorization = `Bearer ${token}`;
  try {
    const known = await security.authenticator.authenticate({
      authorization,
      headers: { authorization },
      ...(audiences && { audiences }),
    });
    if (!known) return { user: {} };
    return {
      authenticated: true,
      user: shownUser(known.user),
      ...(known.audiences && { audiences: known.audiences }),
    };
  } catch (error) {
    if (!ApiError.is(error, 'Unauthorized')) throw error;
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    return { user: {}, error: reason };
  }
}

function shownUser({ name, uid, groups, extra }: UserInfo): ReviewedUser {
  return {
    username: name,
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra && Object.keys(extra).length > 0 && { extra }),
  };
}
