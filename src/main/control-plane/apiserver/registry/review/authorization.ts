import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { Attributes } from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { subjectRules } from '#main/control-plane/apiserver/authorization/user-rules.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { readPosted } from '#main/control-plane/apiserver/registry/post.ts';
import { answerReview } from '#main/control-plane/apiserver/registry/review/answer.ts';
import type {
  LocalSubjectAccessReview,
  ResourceAttributes,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '#shared/api/types/authorization-v1.ts';
import { ApiError, invalid, type FieldError } from '#shared/kube/errors.ts';
import { invalidValue } from '#shared/kube/field-error.ts';
import type { Requirement, SelectorOperator } from '#shared/kube/selectors.ts';

const group = 'authorization.k8s.io';
const typeOf = (kind: string) =>
  ({ type: `authorization.v1.${kind}`, apiVersion: `${group}/v1`, kind }) as const;

export const subjectAccessReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const kind = 'SubjectAccessReview';
      const { object, consent } = await readPosted<SubjectAccessReview>(
        request,
        core,
        typeOf(kind),
      );
      refuse(kind, [...specProblems(object.spec), ...subjectProblems(object.spec)]);
      await consent();
      return answerReview(object, await decide(core, subjectOf(object.spec), object.spec));
    },
  },
};

export const localSubjectAccessReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const kind = 'LocalSubjectAccessReview';
      const posted = await readPosted<LocalSubjectAccessReview>(request, core, typeOf(kind));
      const { spec, metadata } = posted.object;
      refuse(kind, [
        ...specProblems(spec),
        ...subjectProblems(spec),
        ...placeProblems(spec, metadata.namespace),
      ]);
      await posted.consent();
      return answerReview(posted.object, await decide(core, subjectOf(spec), spec));
    },
  },
};

export const selfSubjectAccessReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const kind = 'SelfSubjectAccessReview';
      const { object, consent } = await readPosted<SelfSubjectAccessReview>(
        request,
        core,
        typeOf(kind),
      );
      refuse(kind, [...specProblems(object.spec)]);
      await consent();
      return answerReview(object, await decide(core, request.user, object.spec));
    },
  },
};

export const selfSubjectRulesReviewRest: KindRest = {
  handlers: {
    async create(request, core) {
      const type = typeOf('SelfSubjectRulesReview');
      const { object, consent } = await readPosted<SelfSubjectRulesReview>(request, core, type);
      const { namespace } = object.spec;
      if (!namespace) throw new ApiError('BadRequest', 'no namespace on request');
      await consent();
      const resolvers = core.security.ruleResolvers ?? [];
      // Upstream's answer does not repeat the question.
      return answerReview(
        { ...object, spec: {} },
        subjectRules(resolvers, request.user, namespace),
      );
    },
  },
};

type Asked = Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>;

async function decide(
  { security }: Core,
  user: UserInfo,
  asked: Asked,
): Promise<SubjectAccessReviewStatus> {
  const { verdict, reason, errors } = await security.authorizer.authorize(
    attributesOf(user, asked),
  );
  return {
    allowed: verdict === 'Allow',
    ...(verdict === 'Deny' && { denied: true }),
    ...(reason && { reason }),
    ...(errors?.length && { evaluationError: errors.join(', ') }),
  };
}

function subjectOf({ user, uid, groups, extra }: SubjectAccessReviewSpec): UserInfo {
  return { name: user ?? '', groups: groups ?? [], ...(uid && { uid }), ...(extra && { extra }) };
}

function attributesOf(
  user: UserInfo,
  { resourceAttributes, nonResourceAttributes }: Asked,
): Attributes {
  const { verb = '', path = '' } = nonResourceAttributes ?? {};
  const empty = {
    user,
    apiGroup: '',
    apiVersion: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
  };
  if (!resourceAttributes) return { ...empty, isResourceRequest: false, verb, path };
  const {
    group: apiGroup = '',
    version: apiVersion = '',
    resource = '',
    name = '',
  } = resourceAttributes;
  const fieldSelector = requirementsOf(resourceAttributes.fieldSelector?.requirements);
  const labelSelector = requirementsOf(resourceAttributes.labelSelector?.requirements);
  return {
    user,
    isResourceRequest: true,
    verb: resourceAttributes.verb ?? '',
    path: '',
    apiGroup,
    apiVersion,
    resource,
    subresource: resourceAttributes.subresource ?? '',
    namespace: resourceAttributes.namespace ?? '',
    name,
    ...(fieldSelector && { fieldSelector }),
    ...(labelSelector && { labelSelector }),
  };
}

type Requirements = NonNullable<NonNullable<ResourceAttributes['labelSelector']>['requirements']>;

function requirementsOf(
  requirements: Requirements | undefined,
): readonly Requirement[] | undefined {
  return requirements?.map(({ key, operator, values }) => ({
    key,
    operator: operator as SelectorOperator,
    values: values ?? [],
  }));
}

function* specProblems({ resourceAttributes, nonResourceAttributes }: Asked): Iterable<FieldError> {
  if (resourceAttributes && nonResourceAttributes) {
    yield invalidValue(
      'spec.nonResourceAttributes',
      nonResourceAttributes,
      'cannot be specified in combination with resourceAttributes',
    );
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    yield invalidValue(
      'spec.resourceAttributes',
      null,
      'exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  }
}

function* subjectProblems({ user, groups }: SubjectAccessReviewSpec): Iterable<FieldError> {
  if (!user && !groups?.length) {
    yield invalidValue('spec.user', user ?? '', 'at least one of user or group must be specified');
  }
}

/** A local review is about its own namespace, and about nothing but resources. */
function* placeProblems(
  { resourceAttributes, nonResourceAttributes }: Asked,
  namespace: string | undefined,
): Iterable<FieldError> {
  if (resourceAttributes && resourceAttributes.namespace !== namespace) {
    yield invalidValue(
      'spec.resourceAttributes.namespace',
      resourceAttributes.namespace ?? '',
      'must match metadata.namespace',
    );
  }
  if (nonResourceAttributes) {
    yield invalidValue(
      'spec.nonResourceAttributes',
      nonResourceAttributes,
      'disallowed on this kind of request',
    );
  }
}

function refuse(kind: string, causes: readonly FieldError[]): void {
  if (causes.length > 0) throw invalid({ group, kind }, '', causes);
}
