import { codecOf } from '#main/control-plane/apiserver/registry/built-in-codec.ts';
import type { RequestBody } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';
import { isTrue } from '#main/control-plane/apiserver/request/request-info.ts';
import { ApiError, invalid, type FieldError } from '#shared/kube/errors.ts';
import {
  forbiddenValue,
  invalidValue,
  notSupported,
  required,
  tooLong,
} from '#shared/kube/field-error.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** CreateOptions, UpdateOptions or PatchOptions, as admission sees them too. */
export interface WriteOptions {
  readonly kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly dryRun?: readonly string[];
  readonly force?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: FieldValidation;
}

type Kind = WriteOptions['kind'];

const longestManager = 128;
const supportedValidations = ['Ignore', 'Strict', 'Warn'];

export function parseWriteOptions(
  kind: Kind,
  query: Query,
  { isApply = false }: { readonly isApply?: boolean } = {},
): WriteOptions {
  const { dryRun, fieldManager, fieldValidation, force } = query;
  const causes = [
    ...(kind === 'PatchOptions' ? patchProblems(query, isApply) : []),
    ...managerProblems(fieldManager ?? ''),
    ...dryRunProblems(dryRun),
    ...validationProblems(fieldValidation),
  ];
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', causes);
  return {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun && { dryRun: ['All'] }),
    ...(force !== undefined && { force: isTrue(force) }),
    ...(fieldManager && { fieldManager }),
    ...(fieldValidation && { fieldValidation: fieldValidation as FieldValidation }),
  };
}

function* patchProblems({ fieldManager, force }: Query, isApply: boolean): Iterable<FieldError> {
  if (!isApply && force !== undefined) {
    yield forbiddenValue('force', 'may not be specified for non-apply patch');
  }
  if (isApply && !fieldManager) yield required('fieldManager', 'is required for apply patch');
}

function* managerProblems(manager: string): Iterable<FieldError> {
  if (manager.length > longestManager) yield tooLong('fieldManager', longestManager);
  if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(manager)) {
    yield invalidValue('fieldManager', manager, 'should only contain printable characters');
  }
}

function* dryRunProblems(dryRun: string | undefined): Iterable<FieldError> {
  if (dryRun === undefined || dryRun === 'All') return;
  yield notSupported('dryRun', [dryRun], ['All']);
}

function* validationProblems(validation: string | undefined): Iterable<FieldError> {
  if (!validation || supportedValidations.includes(validation)) return;
  yield notSupported('fieldValidation', validation, supportedValidations);
}

const deleteOptionsCodec = codecOf({
  type: 'meta.v1.DeleteOptions',
  apiVersion: 'v1',
  kind: 'DeleteOptions',
  acceptsAnyVersion: true,
});

/** DELETE takes its options from the body or from the query; the body wins. */
export function parseDeleteOptions({
  body,
  query,
}: {
  readonly body: RequestBody | undefined;
  readonly query: Query;
}): DeleteOptions {
  const options =
    body && !body.isEmpty
      ? (body.object(deleteOptionsCodec, { isStrict: false }).object as unknown as DeleteOptions)
      : fromQuery(query);
  const causes = [...deleteProblems(options)];
  if (causes.length > 0) {
    throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', causes);
  }
  return options;
}

function fromQuery(query: Query): DeleteOptions {
  const { gracePeriodSeconds, orphanDependents, propagationPolicy, dryRun } = query;
  if (gracePeriodSeconds && !/^[+-]?\d+$/.test(gracePeriodSeconds)) {
    throw new ApiError(
      'BadRequest',
      `strconv.ParseInt: parsing ${JSON.stringify(gracePeriodSeconds)}: invalid syntax`,
    );
  }
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriodSeconds && { gracePeriodSeconds: Number(gracePeriodSeconds) }),
    ...(orphanDependents !== undefined && { orphanDependents: isTrue(orphanDependents) }),
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    ...(dryRun !== undefined && { dryRun: [dryRun] }),
  };
}

function* deleteProblems(options: DeleteOptions): Iterable<FieldError> {
  const { propagationPolicy, orphanDependents, dryRun } = options;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    yield invalidValue(
      'propagationPolicy',
      propagationPolicy,
      'orphanDependents and deletionPropagation cannot be both set',
    );
  }
  const policies = ['Background', 'Foreground', 'Orphan', 'nil'];
  if (propagationPolicy !== undefined && !policies.slice(0, 3).includes(propagationPolicy)) {
    yield notSupported('propagationPolicy', propagationPolicy, policies);
  }
  for (const each of dryRun ?? [])
    if (each !== 'All') yield notSupported('dryRun', dryRun, ['All']);
}
