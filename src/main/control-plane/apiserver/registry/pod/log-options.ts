import type { Query } from '#main/control-plane/apiserver/request/request-info.ts';
import { isTrue } from '#main/control-plane/apiserver/request/request-info.ts';
import { ApiError, invalid, type FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue, notSupported } from '#shared/kube/field-error.ts';

/** PodLogOptions but for the container. */
interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly sinceSeconds: number | undefined;
  readonly sinceTime: string | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  readonly stream: string | undefined;
}

const logStreams = ['All', 'Stderr', 'Stdout'];

/** What is asked of the kubelet for a log. Throws `BadRequest` or `Invalid` in upstream's words. */
export function kubeletLogQuery(query: Query, pod: string): URLSearchParams {
  const options = parse(query);
  const causes = [...problems(options)];
  if (causes.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, pod, causes);
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && value !== false) parameters.set(name, String(value));
  }
  return parameters;
}

function parse(query: Query): LogOptions {
  const { sinceTime, stream } = query;
  return {
    follow: isTrue(query['follow']),
    previous: isTrue(query['previous']),
    timestamps: isTrue(query['timestamps']),
    sinceSeconds: integer(query['sinceSeconds']),
    sinceTime: sinceTime ? time(sinceTime) : undefined,
    tailLines: integer(query['tailLines']),
    limitBytes: integer(query['limitBytes']),
    stream: stream || undefined,
  };
}

function integer(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new ApiError(
    'BadRequest',
    `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

function time(text: string): string {
  const isTime = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text);
  if (isTime && !Number.isNaN(Date.parse(text))) return text;
  const quoted = JSON.stringify(text);
  throw new ApiError(
    'BadRequest',
    `parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`,
  );
}

function* problems(options: LogOptions): Iterable<FieldError> {
  const { tailLines, limitBytes, sinceSeconds, sinceTime, stream } = options;
  if (tailLines !== undefined && tailLines < 0) {
    yield invalidValue('tailLines', tailLines, 'must be greater than or equal to 0');
  }
  if (limitBytes !== undefined && limitBytes < 1) {
    yield invalidValue('limitBytes', limitBytes, 'must be greater than 0');
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    yield forbiddenValue('', 'at most one of `sinceTime` or `sinceSeconds` may be specified');
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    yield invalidValue('sinceSeconds', sinceSeconds, 'must be greater than 0');
  }
  if (stream === undefined) return;
  if (!logStreams.includes(stream)) yield notSupported('stream', stream, logStreams);
  if (stream !== 'All' && tailLines !== undefined) {
    yield forbiddenValue('', '`tailLines` and specific `stream` are mutually exclusive for now');
  }
}
