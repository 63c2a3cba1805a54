import type { SelfSubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import { validateAsked } from '#shared/api/authorization/validate-review.ts';
import { resource } from '#shared/kube/resource.ts';

export const selfSubjectAccessReviews = resource<SelfSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  singular: 'selfsubjectaccessreview',
  scope: 'Cluster',
  verbs: ['create'],
  type: 'authorization.v1.SelfSubjectAccessReview',
  validate: ({ spec }) => validateAsked(spec),
});
