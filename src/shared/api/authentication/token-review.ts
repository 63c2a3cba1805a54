import type { TokenReview } from '#shared/api/types/authentication-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const tokenReviews = resource<TokenReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  singular: 'tokenreview',
  scope: 'Cluster',
  verbs: ['create'],
  type: 'authentication.v1.TokenReview',
});
