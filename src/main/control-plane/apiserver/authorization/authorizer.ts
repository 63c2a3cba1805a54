import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Requirement } from '#shared/kube/selectors.ts';

/** What is asked for, in the words of a SubjectAccessReview. */
export interface Attributes {
  readonly user: UserInfo;
  /** A resource verb (`get`, `list`, `impersonate`, …) or the lower-case HTTP method. */
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The URL's path, for requests that are not about a resource. */
  readonly path: string;
  readonly fieldSelector?: readonly Requirement[];
  readonly labelSelector?: readonly Requirement[];
}

export interface Decision {
  readonly verdict: 'Allow' | 'Deny' | 'NoOpinion';
  readonly reason: string;
  /** Rules that could not be evaluated; never a reason to allow. */
  readonly errors?: readonly string[];
}

/** Decides from what it knows already; a webhook may have to ask. */
export interface Authorizer {
  readonly name: string;
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}
