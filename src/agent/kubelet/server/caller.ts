import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { TimedCache } from './timed-cache.ts';
import { tokenReviews } from '#agent/api/resources.ts';
import type { TokenReviewStatus } from '#shared/api/types/authentication-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';

/** Who asks the kubelet. */
export interface Caller {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Upstream's `authentication.webhook.cacheTTL`. */
const tokenLifeMs = 120_000;

/** Knows callers by a certificate of the cluster's authority, or by a token that the API server knows. */
export class Authentication {
  readonly #cluster: Cluster;
  readonly #tokens: TimedCache<TokenReviewStatus>;

  constructor({ cluster, clock }: { readonly cluster: Cluster; readonly clock: Clock }) {
    this.#cluster = cluster;
    this.#tokens = new TimedCache(clock);
  }

  /** Nobody, when the caller does not say who it is or nobody vouches for it. */
  async callerOf({ socket, headers }: IncomingMessage): Promise<Caller | undefined> {
    const secure = socket as TLSSocket;
    if (secure.authorized) return named(secure);
    const token = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const { authenticated, user } = await this.#review(token);
    if (!authenticated) return undefined;
    const { username: name = '', groups = [], uid, extra } = user;
    return { name, groups, ...(uid && { uid }), ...(extra && { extra }) };
  }

  #review(token: string): Promise<TokenReviewStatus> {
    const key = createHash('sha256').update(token).digest('base64');
    const ask = async (): Promise<TokenReviewStatus> => {
      const review = { metadata: {}, spec: { token } };
      const { status } = await this.#cluster.create(tokenReviews, review);
      return status ?? { authenticated: false, user: {} };
    };
    return this.#tokens.get(key, ask, ({ authenticated }) => (authenticated ? tokenLifeMs : 0));
  }
}

/** The common name is the user, organizations are groups. */
function named(socket: TLSSocket): Caller | undefined {
  const { subject } = socket.getPeerCertificate();
  const { CN, O } = subject as { readonly CN?: string; readonly O?: string | string[] };
  if (!CN) return undefined;
  return { name: CN, groups: [...[O ?? []].flat(), 'system:authenticated'] };
}
