import { anonymous } from '#main/control-plane/apiserver/authentication/anonymous.ts';
import type { Authenticator } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { createBootstrapTokens } from '#main/control-plane/apiserver/authentication/bootstrap-tokens.ts';
import { createClientCertificates } from '#main/control-plane/apiserver/authentication/client-certificates.ts';
import {
  createImpersonation,
  type Impersonation,
} from '#main/control-plane/apiserver/authentication/impersonation.ts';
import { createServiceAccountTokens } from '#main/control-plane/apiserver/authentication/service-account-tokens.ts';
import {
  createTokenIssuer,
  defaultIssuer,
  type ServiceAccountKeyPair,
  type TokenIssuer,
} from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import {
  createTokenRequests,
  type IssueToken,
} from '#main/control-plane/apiserver/authentication/token-request.ts';
import { createAuthenticator } from '#main/control-plane/apiserver/authentication/union.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import {
  createEscalationCheck,
  type EscalationCheck,
} from '#main/control-plane/apiserver/authorization/escalation.ts';
import { createNodeAuthorizer } from '#main/control-plane/apiserver/authorization/node.ts';
import { createRbac } from '#main/control-plane/apiserver/authorization/rbac.ts';
import {
  createAuthorizer,
  privilegedGroups,
} from '#main/control-plane/apiserver/authorization/union.ts';
import type { RuleResolver } from '#main/control-plane/apiserver/authorization/user-rules.ts';
import { nodeRules } from '#main/control-plane/apiserver/bootstrap/policy.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { Clock } from '#shared/base/clock.ts';

export interface SecurityOptions {
  readonly objects: ObjectCache;
  readonly clock: Clock;
  /** PEM of who vouches for clients. */
  readonly clientAuthority: string;
  readonly serviceAccountKeys: ServiceAccountKeyPair;
}

/** Who is who, and who may what: upstream's own order of authenticators and of `Node,RBAC`. */
export interface Security extends Disposable {
  readonly authenticator: Authenticator;
  readonly impersonation: Impersonation;
  readonly authorizer: Authorizer;
  readonly ruleResolvers: readonly RuleResolver[];
  readonly escalation: EscalationCheck;
  readonly issuer: TokenIssuer;
  readonly issueToken: IssueToken;
}

export function createSecurity(options: SecurityOptions): Security {
  const { objects, clock, clientAuthority, serviceAccountKeys: keys } = options;
  const audiences = [defaultIssuer];
  const issuer = createTokenIssuer({ issuer: defaultIssuer, audiences, keys, clock });
  const rbac = createRbac(objects);
  const node = createNodeAuthorizer({ objects, rules: nodeRules });
  const authorizer = createAuthorizer([privilegedGroups, node, rbac]);
  return {
    authenticator: createAuthenticator({
      authenticators: [
        createClientCertificates({ authorities: clientAuthority, clock }),
        createServiceAccountTokens({ issuer, objects, clock }),
        createBootstrapTokens({ objects, audiences, clock }),
      ],
      anonymous,
    }),
    impersonation: createImpersonation(authorizer),
    authorizer,
    ruleResolvers: [node, rbac],
    escalation: createEscalationCheck(rbac, authorizer),
    issuer,
    issueToken: createTokenRequests({ issuer, objects, clock }),
    [Symbol.dispose]() {
      rbac[Symbol.dispose]();
      node[Symbol.dispose]();
    },
  };
}
