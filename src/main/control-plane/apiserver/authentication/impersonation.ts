import type {
  Credentials,
  UserInfo,
} from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { impersonationModes } from '#main/control-plane/apiserver/authentication/impersonation-modes.ts';
import type {
  Attributes,
  Authorizer,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** Whom a request wants to act as: its headers, raw. */
export interface WantedUser {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * Decides whom a request acts as. Resolves to nothing when it impersonates nobody; throws `Forbidden`
 * when the caller may not, in the words of the first mode that refused.
 */
export interface Impersonation {
  /** `attributes` are those of the request, with the caller as user. */
  impersonate(
    headers: Credentials['headers'],
    attributes: Attributes,
  ): Promise<UserInfo | undefined>;
}

/** How many callers' modes are remembered. */
const rememberedCallers = 10_000;

/**
 * Upstream's constrained impersonation with the old rules behind it: several modes are tried, the one
 * that the caller used last first.
 */
export function createImpersonation(authorizer: Authorizer): Impersonation {
  const lastModes = new Map<string, number>();
  return {
    async impersonate(headers, attributes) {
      const wanted = wantedUser(headers);
      if (!wanted) return undefined;
      const caller = attributes.user.name;
      const last = lastModes.get(caller);
      const order = impersonationModes.map((_, index) => index);
      if (last !== undefined) order.unshift(...order.splice(last, 1));
      let refusal: ApiError | undefined;
      for (const index of order) {
        try {
          const user = await impersonationModes[index]!(authorizer, wanted, attributes);
          if (!user) continue;
          if (lastModes.size >= rememberedCallers) lastModes.clear();
          lastModes.set(caller, index);
          return user;
        } catch (error) {
          if (!ApiError.is(error, 'Forbidden')) throw error;
          refusal ??= error;
        }
      }
      throw refusal ?? new ApiError('InternalError', 'all impersonation modes failed');
    },
  };
}

const extraPrefix = 'impersonate-extra-';

/** Nothing when no header asks for it; throws when headers ask without naming a user. */
function wantedUser(headers: Credentials['headers']): WantedUser | undefined {
  const valuesOf = (name: string): string[] => [headers[name] ?? []].flat();
  const [name = ''] = valuesOf('impersonate-user');
  const [uid = ''] = valuesOf('impersonate-uid');
  const groups = valuesOf('impersonate-group');
  const extra: Record<string, readonly string[]> = {};
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(extraPrefix)) continue;
    const key = unescapeKey(header.slice(extraPrefix.length));
    extra[key] = [...(extra[key] ?? []), ...valuesOf(header)];
  }
  if (name) return { name, uid, groups, extra };
  if (!uid && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw new ApiError(
    'BadRequest',
    `requested ${inGo({ name, uid, groups, extra })} without impersonating a user name`,
  );
}

/** Keys are percent-encoded in header names; what is not properly so stands for itself. */
function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** As Go's `%#v` shows the struct, which upstream's message does. */
function inGo({ name, uid, groups, extra }: WantedUser): string {
  const list = (items: readonly string[]): string =>
    `[]string{${items.map((item) => JSON.stringify(item)).join(', ')}}`;
  const entries = Object.entries(extra).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const groupText = groups.length > 0 ? list(groups) : '[]string(nil)';
  const extraText =
    entries.length > 0
      ? `map[string][]string{${entries.map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`).join(', ')}}`
      : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:${JSON.stringify(name)}, UID:${JSON.stringify(uid)}, Groups:${groupText}, Extra:${extraText}}`;
}
