import type { PodTemplateSpec } from '#shared/api/types/core-v1.ts';
import type { PodAllowances } from '#shared/api/core/pod/context.ts';
import { validatePodTemplate } from '#shared/api/core/pod/spec.ts';
import { compiledSelector, isEmptySelector } from '#shared/api/apps/selection.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notOneOf, required } from '#shared/kube/field-error.ts';
import { validateLabelSelector } from '#shared/kube/object-meta.ts';
import type { Selector } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';

/** Selector and template of what makes pods that run forever: they belong together. */
export function* validateSelectedTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec,
  allows: PodAllowances,
): Iterable<FieldError> {
  yield* validateRequiredSelector(selector, 'deployment');
  const compiled = compiledSelector(selector);
  if (!compiled) {
    yield invalidValue('spec.selector', selector, 'invalid label selector');
    return;
  }
  yield* validateTemplateLabels(compiled, template);
  yield* validatePodTemplate(template, 'spec.template', allows);
  yield* validateRunsForever(template, 'ReplicaSet');
}

export function* validateRequiredSelector(
  selector: LabelSelector | undefined,
  kind: string,
): Iterable<FieldError> {
  if (!selector) {
    yield required('spec.selector');
    return;
  }
  yield* validateLabelSelector(selector, 'spec.selector');
  if (isEmptySelector(selector)) {
    yield invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`);
  }
}

export function* validateTemplateLabels(
  selector: Selector,
  { metadata }: PodTemplateSpec,
): Iterable<FieldError> {
  if (selector.isEverything || selector.matches(metadata?.labels)) return;
  yield mismatch(metadata?.labels);
}

export function mismatch(labels: Readonly<Record<string, string>> | undefined): FieldError {
  return invalidValue(
    'spec.template.metadata.labels',
    labels,
    '`selector` does not match template `labels`',
  );
}

export function* validateRunsForever(
  { spec }: PodTemplateSpec,
  kind: string,
): Iterable<FieldError> {
  if (spec.restartPolicy !== 'Always') {
    yield notOneOf('spec.template.spec.restartPolicy', spec.restartPolicy, ['Always']);
  }
  if (spec.activeDeadlineSeconds !== undefined) {
    yield forbiddenValue(
      'spec.template.spec.activeDeadlineSeconds',
      `activeDeadlineSeconds in ${kind} is not Supported`,
    );
  }
}
