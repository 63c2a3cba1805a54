import { ApiError } from '#shared/kube/errors.ts';

export interface ContinueToken {
  /** The revision that the first page was of; -1 to go on with whatever there is now. */
  readonly revision: number;
  /** The first key not yet shown, relative to the list's own prefix. */
  readonly start: string;
}

/** Upstream's format: clients must not read it, but may hand it from one server to another. */
export function encodeContinue({ revision, start }: ContinueToken): string {
  const text = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start });
  return Buffer.from(text).toString('base64url');
}

export function decodeContinue(token: string): ContinueToken {
  const { v, rv, start } = parse(token);
  if (v !== 'meta.k8s.io/v1') {
    throw refused(
      `server does not recognize this encoded version ${typeof v === 'string' ? v : ''}`.trimEnd(),
    );
  }
  if (typeof rv !== 'number' || rv === 0) {
    throw refused('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  }
  if (typeof start !== 'string' || start === '') {
    throw refused('encoded start key empty (version meta.k8s.io/v1)');
  }
  if (start.split('/').some((part) => part === '..' || part === '.' || part === '')) {
    throw refused(start);
  }
  return { revision: rv, start };
}

function parse(token: string): {
  readonly v?: unknown;
  readonly rv?: unknown;
  readonly start?: unknown;
} {
  try {
    if (!/^[\w-]+$/.test(token)) throw new Error('illegal base64 data');
    return JSON.parse(Buffer.from(token, 'base64url').toString()) as object;
  } catch (error) {
    throw refused((error as Error).message, error);
  }
}

function refused(why: string, cause?: unknown): ApiError {
  return new ApiError('BadRequest', `continue key is not valid: ${why}`, { cause });
}
