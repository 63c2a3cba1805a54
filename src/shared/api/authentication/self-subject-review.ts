import type { SelfSubjectReview } from '#shared/api/types/authentication-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const selfSubjectReviews = resource<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  singular: 'selfsubjectreview',
  scope: 'Cluster',
  verbs: ['create'],
  type: 'authentication.v1.SelfSubjectReview',
});
