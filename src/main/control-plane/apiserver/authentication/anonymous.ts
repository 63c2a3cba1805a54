import type { Authenticator } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import { anonymousUser } from '#main/control-plane/apiserver/authentication/users.ts';

/** Knows everybody, as nobody: stands behind all others. */
export const anonymous: Authenticator = {
  name: 'anonymous',
  authenticate: () => Promise.resolve({ user: anonymousUser }),
};
