import type { AdmissionPlugin } from '#main/control-plane/apiserver/admission/plugin.ts';
import type {
  Authenticator,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Impersonation } from '#main/control-plane/apiserver/authentication/impersonation.ts';
import type { TokenIssuer } from '#main/control-plane/apiserver/authentication/token-issuer.ts';
import type { IssueToken } from '#main/control-plane/apiserver/authentication/token-request.ts';
import type { Authorizer } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import type { EscalationCheck } from '#main/control-plane/apiserver/authorization/escalation.ts';
import type { RuleResolver } from '#main/control-plane/apiserver/authorization/user-rules.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';

/** What the parts of `Security` may stand on. The caches are empty until the server has started. */
export interface SecurityContext {
  readonly objects: ObjectCache;
  /** The server's own identity. */
  readonly cluster: Cluster;
  clusterFor(user: UserInfo, options?: { readonly manager?: string }): Cluster;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who may come in, and what they may do. */
export interface Security {
  /** Knows every caller over HTTP, or nothing: the union of all ways. */
  readonly authenticator: Authenticator;
  /** Absent: nobody may act as somebody else. */
  readonly impersonation?: Impersonation;
  readonly authorizer: Authorizer;
  /** Authorizers that can list what they grant, for SelfSubjectRulesReviews. */
  readonly ruleResolvers?: readonly RuleResolver[];
  /** Absent: roles and bindings are written unchecked. */
  readonly escalation?: EscalationCheck;
  /** In the order in which they run. */
  readonly admission: readonly AdmissionPlugin[];
  /** Absent: service accounts get no tokens. */
  readonly tokens?: { readonly issuer: TokenIssuer; readonly issue: IssueToken };
}
