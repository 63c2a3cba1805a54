/** gRPC's status codes, as far as something here depends on one. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A call that was refused or did not finish. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly status: number;

  /** The message is the server's own, or says as Go's client would what kept it from answering. */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
