import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export type Verdict =
  | { readonly type: 'pass' }
  /** The right token: spend it, hand out the cookie. */
  | { readonly type: 'welcome'; readonly cookie: string }
  | { readonly type: 'refuse'; readonly why: string };

export interface Gate {
  /** Opens the window once; whoever holds it gets the cookie. */
  readonly token: string;
  check(request: IncomingMessage, port: number): Verdict;
}

export interface GateOptions {
  /** What the cookie says: a browser that had it from an app before this one need not come again. */
  readonly session?: string | undefined;
}

const cookieName = 'pilothouse';

/**
 * Keeps every page but our own away from the app: the Host must be this machine (no rebound names),
 * the Origin, where a browser sends one, must be the app itself, and the caller must hold the cookie
 * that only the bearer of the one-time token gets.
 */
export function createGate({ session = newSession() }: GateOptions = {}): Gate {
  const token = randomBytes(24).toString('base64url');
  let isSpent = false;

  return {
    token,
    check({ headers, url = '/', method }, port) {
      const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
      if (!hosts.includes(headers.host ?? '')) return refuse('this Host is not the app');
      const origins = hosts.map((host) => `http://${host}`);
      if (headers.origin !== undefined && !origins.includes(headers.origin)) {
        return refuse('another origin asks');
      }
      const offered = new URL(url, origins[0]).searchParams.get('token');
      if (method !== 'GET' || isSpent || !isSame(offered ?? '', token)) {
        if (isSame(cookieOf(headers.cookie), session)) return { type: 'pass' };
        return refuse('open the address that `pilothouse up` printed');
      }
      isSpent = true;
      return {
        type: 'welcome',
        cookie: `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`,
      };
    },
  };
}

/** Nobody guesses it. */
export function newSession(): string {
  return randomBytes(24).toString('base64url');
}

function refuse(why: string): Verdict {
  return { type: 'refuse', why };
}

function cookieOf(header: string | undefined): string {
  const pair = header?.split(/;\s*/).find((part) => part.startsWith(`${cookieName}=`));
  return pair?.slice(cookieName.length + 1) ?? '';
}

function isSame(offered: string, expected: string): boolean {
  const [a, b] = [Buffer.from(offered), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
