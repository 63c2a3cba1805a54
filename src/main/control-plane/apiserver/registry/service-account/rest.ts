import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { readPosted } from '#main/control-plane/apiserver/registry/post.ts';
import type { TokenRequest } from '#shared/api/types/authentication-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';

const tokenRequest = {
  type: 'authentication.v1.TokenRequest',
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
};

export const serviceAccountRest: KindRest = {
  handlers: {
    async 'create/token'(request, core) {
      const { tokens } = core.security;
      if (!tokens) throw new ApiError('InternalError', 'This server has no issuer of tokens');
      const { namespace, name } = request;
      const { object, consent } = await readPosted<TokenRequest>(request, core, tokenRequest);
      await consent();
      const issued = await tokens.issue({ namespace, name }, object);
      return { type: 'object', code: 201, object: issued };
    },
  },
};
