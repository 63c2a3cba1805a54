/** Why the runtime refused or failed a call, by gRPC's names. */
export type RuntimeErrorCode =
  | 'Cancelled'
  | 'Unknown'
  | 'InvalidArgument'
  | 'DeadlineExceeded'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'ResourceExhausted'
  | 'FailedPrecondition'
  | 'Aborted'
  | 'OutOfRange'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'
  | 'DataLoss'
  | 'Unauthenticated';

const codes: readonly RuntimeErrorCode[] = [
  'Unknown',
  'Cancelled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** A call that the container runtime refused or did not finish. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  /** The runtime's own words. */
  readonly details: string;

  constructor(code: RuntimeErrorCode, details: string, options?: ErrorOptions) {
    super(`rpc error: code = ${code} desc = ${details}`, options);
    this.code = code;
    this.details = details;
  }

  static is(error: unknown, ...wanted: readonly RuntimeErrorCode[]): error is RuntimeError {
    return error instanceof RuntimeError && (wanted.length === 0 || wanted.includes(error.code));
  }

  /** From gRPC's number for it. */
  static from(status: number, details: string, cause: unknown): RuntimeError {
    return new RuntimeError(codes[status] ?? 'Unknown', details, { cause });
  }
}
