import type { SubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import { validateAskedFor } from '#shared/api/authorization/validate-review.ts';
import { resource } from '#shared/kube/resource.ts';

export const subjectAccessReviews = resource<SubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  singular: 'subjectaccessreview',
  scope: 'Cluster',
  verbs: ['create'],
  type: 'authorization.v1.SubjectAccessReview',
  validate: ({ spec }) => validateAskedFor(spec),
});
