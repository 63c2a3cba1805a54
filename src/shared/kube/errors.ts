import type { ListMeta, Status, StatusCause } from '#shared/kube/types/meta-v1.ts';

/** Why a request failed, in Kubernetes' own words; the reason decides the HTTP code. */
const codes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServerTimeout: 500,
  StoreReadError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  Unknown: 500,
  '': 500,
} as const;

export type Reason = keyof typeof codes;

/** Empty where there is nothing but a message. */
export type CauseType =
  | ''
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError'
  | 'FieldManagerConflict'
  | 'UnexpectedServerResponse'
  | 'DisruptionBudget'
  | 'NamespaceTerminating'
  | 'NodeCapacity'
  | 'UnsupportedPlatform'
  | 'ResourceVersionTooLarge';

/** `message` is the whole sentence as it stands in `details.causes`, without the field. */
export interface FieldError {
  readonly type: CauseType;
  readonly field: string;
  readonly message: string;
}

export interface ApiErrorOptions extends ErrorOptions {
  readonly code?: number;
  readonly causes?: readonly FieldError[];
  /** `details` of the Status beyond the causes; `{}` stands there as it is. */
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly retryAfterSeconds?: number;
  };
  /** `metadata` of the Status: with an expired continue token, one to go on with. */
  readonly listMeta?: ListMeta;
}

/**
 * The one error type that crosses HTTP, IPC and process boundaries; a `Status` object of Kubernetes'
 * API carries it. Test `ApiError.is(error, reason)`, never the class, across a boundary.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly reason: Reason;
  readonly code: number;
  readonly causes: readonly FieldError[];
  readonly details: NonNullable<ApiErrorOptions['details']>;
  readonly listMeta: ListMeta;
  readonly #hasDetails: boolean;

  constructor(reason: Reason, message: string, options: ApiErrorOptions = {}) {
    super(message, options);
    this.reason = reason;
    this.code = options.code ?? codes[reason];
    this.causes = options.causes ?? [];
    this.details = options.details ?? {};
    this.listMeta = options.listMeta ?? {};
    this.#hasDetails = options.details !== undefined;
  }

  static is(error: unknown, ...reasons: readonly Reason[]): error is ApiError {
    return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason));
  }

  /** The `Status` that says this on the wire. */
  toStatus(): Status {
    const { reason, causes, details } = this;
    const statusCauses = causes.map(({ type, field, message }): StatusCause => ({
      ...(type && { reason: type }),
      message,
      ...(field && { field }),
    }));
    const hasDetails = statusCauses.length > 0 || this.#hasDetails;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.listMeta,
      status: 'Failure',
      message: this.message,
      ...(reason && { reason }),
      ...(hasDetails && {
        details: { ...details, ...(statusCauses.length > 0 && { causes: statusCauses }) },
      }),
      code: this.code,
    };
  }

  static fromStatus({ reason, message, code, details, metadata }: Status): ApiError {
    const { causes, ...others } = details ?? {};
    return new ApiError((reason ?? '') as Reason, message ?? reason ?? 'unknown error', {
      ...(code !== undefined && { code }),
      causes: (causes ?? []).map((cause) => ({
        type: (cause.reason ?? '') as CauseType,
        field: cause.field ?? '',
        message: cause.message ?? '',
      })),
      ...(details && { details: others }),
      ...(metadata && { listMeta: metadata }),
    });
  }
}

interface Named {
  readonly group: string;
  readonly plural: string;
}

const qualified = ({ group, plural }: Named): string => (group ? `${plural}.${group}` : plural);
const detailsOf = ({ group, plural }: Named, name: string): ApiErrorOptions['details'] => ({
  ...(name && { name }),
  ...(group && { group }),
  kind: plural,
});

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError('NotFound', `${qualified(resource)} "${name}" not found`, {
    details: detailsOf(resource, name)!,
  });
}

export function alreadyExists(resource: Named, name: string): ApiError {
  return new ApiError('AlreadyExists', `${qualified(resource)} "${name}" already exists`, {
    details: detailsOf(resource, name)!,
  });
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    { details: detailsOf(resource, name)! },
  );
}

export function forbidden(resource: Named, name: string, why: string): ApiError {
  const what = name
    ? `${qualified(resource)} "${name}" is forbidden`
    : `${qualified(resource)} is forbidden`;
  return new ApiError('Forbidden', `${what}: ${why}`, { details: detailsOf(resource, name)! });
}

/** 422 with every cause at once, worded as upstream's `NewInvalid`. */
export function invalid(
  { group, kind }: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly FieldError[],
): ApiError {
  const sentences = causes.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  const text = sentences.length === 1 ? sentences[0] : `[${sentences.join(', ')}]`;
  const what = group ? `${kind}.${group}` : kind;
  return new ApiError('Invalid', `${what} "${name}" is invalid${text ? `: ${text}` : ''}`, {
    causes,
    details: { ...(name && { name }), ...(group && { group }), kind },
  });
}
