import type { LocalSubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const localSubjectAccessReviews = resource<LocalSubjectAccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  singular: 'localsubjectaccessreview',
  scope: 'Namespaced',
  verbs: ['create'],
  type: 'authorization.v1.LocalSubjectAccessReview',
});
