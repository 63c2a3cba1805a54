import { ApiError } from '#shared/kube/errors.ts';

/** A webhook could not be asked, or did not answer. */
export class WebhookFailure extends Error {
  override readonly name = 'WebhookFailure';
  /** What it answered, if it did. */
  readonly code: number | undefined;

  constructor(message: string, { cause, code }: { cause?: unknown; code?: number } = {}) {
    super(message, { cause });
    this.code = code;
  }
}

interface NodeError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly reason?: string;
}

const unknownAuthority = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a connection failed, in the words of Go's network and TLS libraries where they have some. */
export function failureText(error: unknown): string {
  if (ApiError.is(error)) return error.message;
  const { code = '', message, address, port, hostname } = error as NodeError;
  const where =
    address === undefined
      ? ''
      : ` ${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`;
  if (code === 'ECONNREFUSED') return `dial tcp${where}: connect: connection refused`;
  if (code === 'EHOSTUNREACH') return `dial tcp${where}: connect: no route to host`;
  if (code === 'ETIMEDOUT') return `dial tcp${where}: i/o timeout`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname ?? ''}: no such host`;
  if (code === 'ECONNRESET') return 'EOF';
  if (unknownAuthority.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `tls: failed to verify certificate: x509: ${(error as NodeError).reason ?? message}`;
  }
  return message;
}
