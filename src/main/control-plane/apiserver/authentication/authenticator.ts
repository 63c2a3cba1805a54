/** Who asks. Authorization and admission see nothing else of the caller. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a request shows of its sender. */
export interface Credentials {
  /** The `Authorization` header. */
  readonly authorization?: string;
  /** DER of the client's certificate chain, leaf first, as the TLS layer received it; not yet verified. */
  readonly certificates?: readonly Uint8Array[];
  /** All headers, lower-case names; for impersonation and front-proxy authentication. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What the token must be meant for; the server's own audiences unless stated. */
  readonly audiences?: readonly string[];
}

export interface Authenticated {
  readonly user: UserInfo;
  readonly audiences?: readonly string[];
}

/**
 * One way to know a caller. Resolves to nothing when the credentials are not of its kind; throws
 * `ApiError('Unauthorized')` when they are and do not hold.
 */
export interface Authenticator {
  readonly name: string;
  authenticate(credentials: Credentials): Promise<Authenticated | undefined>;
}
