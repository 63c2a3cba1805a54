/** gRPC's status codes, as far as they are spoken here. */
export const grpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
} as const;

export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly status: number;

  constructor(status: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.status = status;
  }
}

/** gRPC percent-encodes what is not printable ASCII in a status message. */
export function encodeMessage(message: string): string {
  return encodeURIComponent(message).replaceAll(/%(2[0-4,6-9A-F]|3[A-F]|40|5[BD])/g, (escaped) =>
    decodeURIComponent(escaped),
  );
}

export function decodeMessage(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    // Not what the protocol asks for, but better read as it is than not at all.
    return message;
  }
}
