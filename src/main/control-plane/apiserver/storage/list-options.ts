import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';
import { isTrue } from '#main/control-plane/apiserver/request/request-info.ts';
import { ApiError, invalid, type FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, notSupported } from '#shared/kube/field-error.ts';

/** The parameters of list and watch, checked as upstream checks them. */
export interface ListOptions {
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: '' | 'Exact' | 'NotOlderThan';
  readonly limit: number;
  readonly continue: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowsBookmarks: boolean;
  readonly sendsInitialEvents: boolean | undefined;
}

const optionsKind = { group: 'meta.k8s.io', kind: 'ListOptions' };

export function parseListOptions(query: Query, isWatch: boolean): ListOptions {
  const match = query['resourceVersionMatch'] ?? '';
  const sendInitialEvents = query['sendInitialEvents'];
  const options: ListOptions = {
    labelSelector: query['labelSelector'],
    fieldSelector: query['fieldSelector'],
    resourceVersion: query['resourceVersion'] ?? '',
    resourceVersionMatch: match as ListOptions['resourceVersionMatch'],
    limit: integer('limit', query['limit']) ?? 0,
    continue: query['continue'] ?? '',
    timeoutSeconds: integer('timeoutSeconds', query['timeoutSeconds']),
    allowsBookmarks: isTrue(query['allowWatchBookmarks']),
    sendsInitialEvents: sendInitialEvents === undefined ? undefined : isTrue(sendInitialEvents),
  };
  const causes = [...(isWatch ? watchProblems(options) : listProblems(options))];
  if (causes.length > 0) throw invalid(optionsKind, '', causes);
  return options;
}

/** A revision as a number; 0 for none. Lists call anything else a bad request, others do not say. */
export function parseRevision(resourceVersion: string, { isList = false } = {}): number {
  if (resourceVersion === '') return 0;
  if (!/^\d+$/.test(resourceVersion)) {
    throw new ApiError(
      isList ? 'BadRequest' : '',
      `Invalid value: ${JSON.stringify(resourceVersion)}: strconv.ParseUint: parsing ${JSON.stringify(resourceVersion)}: invalid syntax`,
    );
  }
  return Number(resourceVersion);
}

function integer(name: string, value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  if (!/^[+-]?\d+$/.test(value)) {
    throw new ApiError(
      'BadRequest',
      `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax (${name})`,
    );
  }
  return Number(value);
}

function* listProblems(options: ListOptions): Iterable<FieldError> {
  const { resourceVersionMatch: match, resourceVersion, sendsInitialEvents } = options;
  if (sendsInitialEvents !== undefined) {
    yield forbiddenValue('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  }
  if (!match) return;
  if (!resourceVersion) {
    yield forbiddenValue(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (options.continue) {
    yield forbiddenValue(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden when continue is provided',
    );
  }
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    yield notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']);
  }
  if (match === 'Exact' && resourceVersion === '0') {
    yield forbiddenValue(
      'resourceVersionMatch',
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
}

function* watchProblems(options: ListOptions): Iterable<FieldError> {
  const { resourceVersionMatch: match, sendsInitialEvents } = options;
  const field = 'resourceVersionMatch';
  if (sendsInitialEvents !== undefined && match !== 'NotOlderThan') {
    yield forbiddenValue(
      field,
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  if (!match) return;
  if (sendsInitialEvents === undefined) {
    yield forbiddenValue(
      field,
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  if (match !== 'NotOlderThan') yield notSupported(field, match, ['NotOlderThan', '']);
  if (options.continue) {
    yield forbiddenValue(field, 'resourceVersionMatch is forbidden when continue is provided');
  }
}
