import type { LocalSubjectAccessReview } from '#shared/api/types/authorization-v1.ts';
import { validateAskedFor } from '#shared/api/authorization/validate-review.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
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
  *validate({ metadata, spec }) {
    yield* validateAskedFor(spec);
    const { resourceAttributes: asked } = spec;
    const namespace = asked?.namespace ?? '';
    if (asked && namespace !== (metadata.namespace ?? '')) {
      yield invalidValue(
        'spec.resourceAttributes.namespace',
        namespace,
        'must match metadata.namespace',
      );
    }
    if (spec.nonResourceAttributes) {
      yield invalidValue(
        'spec.nonResourceAttributes',
        spec.nonResourceAttributes,
        'disallowed on this kind of request',
      );
    }
  },
});
