import type { SelfSubjectRulesReview } from '#shared/api/types/authorization-v1.ts';
import { resource } from '#shared/kube/resource.ts';

export const selfSubjectRulesReviews = resource<SelfSubjectRulesReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  singular: 'selfsubjectrulesreview',
  scope: 'Cluster',
  verbs: ['create'],
  type: 'authorization.v1.SelfSubjectRulesReview',
});
