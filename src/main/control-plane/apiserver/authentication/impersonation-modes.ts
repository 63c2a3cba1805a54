import type { UserInfo } from '#main/control-plane/apiserver/authentication/authenticator.ts';
import type { WantedUser } from '#main/control-plane/apiserver/authentication/impersonation.ts';
import {
  allAuthenticated,
  allUnauthenticated,
  anonymousName,
  nodesGroup,
  parseNodeName,
  parseServiceAccountName,
  privilegedGroup,
  serviceAccountGroups,
} from '#main/control-plane/apiserver/authentication/users.ts';
import type {
  Attributes,
  Authorizer,
} from '#main/control-plane/apiserver/authorization/authorizer.ts';
import { forbiddenRequest } from '#main/control-plane/apiserver/authorization/forbidden.ts';

/** Resolves to the user to act as, or to nothing where this mode does not apply; throws `Forbidden`. */
type ImpersonationMode = (
  authorizer: Authorizer,
  wanted: WantedUser,
  attributes: Attributes,
) => Promise<UserInfo | undefined>;

/** In the order in which they are tried: the narrower the right that it takes, the earlier. */
export const impersonationModes: readonly ImpersonationMode[] = [
  associatedNode,
  constrained('arbitrary-node', (wanted) => isNameOnly(wanted) && isNode(wanted)),
  constrained('serviceaccount', (wanted) => isNameOnly(wanted) && isServiceAccount(wanted)),
  constrained('user-info', (wanted) => !isNode(wanted) && !isServiceAccount(wanted)),
  (authorizer, wanted, { user }) => authorizeParts(rights(authorizer, user), wanted),
];

const nodeNameKey = 'authentication.kubernetes.io/node-name';

/** A service account acts as the very node that its pod runs on. */
async function associatedNode(
  authorizer: Authorizer,
  wanted: WantedUser,
  attributes: Attributes,
): Promise<UserInfo | undefined> {
  const { user } = attributes;
  const [own, ...others] = user.extra?.[nodeNameKey] ?? [];
  const isOwn = others.length === 0 && own !== undefined && own === parseNodeName(wanted.name);
  if (!isNameOnly(wanted) || !isOwn || !parseServiceAccountName(user.name)) return undefined;
  // The decision is the same for all nodes of this account, so nothing about the node takes part in it.
  const associatedNodeKeys = Object.keys(user.extra ?? {}).sort();
  const caller = {
    ...user,
    extra: { 'authentication.kubernetes.io/associated-node-keys': associatedNodeKeys },
  };
  const forAnyNode: Authorizer = {
    name: authorizer.name,
    authorize: (asked) =>
      authorizer.authorize(
        asked.verb === 'impersonate:associated-node' ? { ...asked, name: '*' } : asked,
      ),
  };
  return act('associated-node', {
    authorizer: forAnyNode,
    wanted,
    attributes: { ...attributes, user: caller },
  });
}

function constrained(mode: string, applies: (wanted: WantedUser) => boolean): ImpersonationMode {
  return async (authorizer, wanted, attributes) =>
    applies(wanted) ? act(mode, { authorizer, wanted, attributes }) : undefined;
}

/** The caller must be allowed to do this request as somebody else, and to be that somebody. */
async function act(
  mode: string,
  {
    authorizer,
    wanted,
    attributes,
  }: {
    readonly authorizer: Authorizer;
    readonly wanted: WantedUser;
    readonly attributes: Attributes;
  },
): Promise<UserInfo> {
  await require(authorizer, {
    ...attributes,
    verb: `impersonate-on:${mode}:${attributes.verb}`,
  });
  return authorizeParts(rights(authorizer, attributes.user, mode), wanted);
}

/** What one mode asks for about the user that is wanted. */
interface Rights {
  readonly isConstrained: boolean;
  require(resource: string, name: string, more?: Partial<Attributes>): Promise<void>;
  refuse(resource: string, name: string, why: string): never;
}

const authenticationGroup = { apiGroup: 'authentication.k8s.io', apiVersion: 'v1' };

/** Without a mode: the one verb `impersonate`, with users and groups in the core group. */
function rights(authorizer: Authorizer, user: UserInfo, mode?: string): Rights {
  const coreGroup = { apiGroup: '', apiVersion: 'v1' };
  const attributesFor = (resource: string, name: string): Attributes => ({
    user,
    verb: mode === undefined ? 'impersonate' : `impersonate:${mode}`,
    isResourceRequest: true,
    ...(mode === undefined && !['uids', 'userextras'].includes(resource)
      ? coreGroup
      : authenticationGroup),
    resource,
    subresource: '',
    namespace: '',
    name,
    path: '',
  });
  return {
    isConstrained: mode !== undefined,
    require: (resource, name, more) =>
      require(authorizer, { ...attributesFor(resource, name), ...more }),
    refuse(resource, name, why) {
      throw forbiddenRequest(attributesFor(resource, name), { verdict: 'Deny', reason: why });
    },
  };
}

async function require(authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const decision = await authorizer.authorize(attributes);
  if (decision.verdict !== 'Allow') throw forbiddenRequest(attributes, decision);
}

/** So many names at once may be allowed by one check for all names. */
const manyNames = 4;

async function authorizeParts(rights: Rights, wanted: WantedUser): Promise<UserInfo> {
  const groups = await authorizeName(rights, wanted);
  if (wanted.uid) await rights.require('uids', wanted.uid);
  await authorizeGroups(rights, wanted.groups);
  await authorizeExtra(rights, wanted.extra);
  const { name, uid, extra } = wanted;
  return {
    name,
    ...(uid && { uid }),
    groups: withStanding(name, groups),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The groups that come with the name; those asked for unless the name decides them. */
async function authorizeName(
  rights: Rights,
  { name, groups }: WantedUser,
): Promise<readonly string[]> {
  const node = parseNodeName(name);
  if (rights.isConstrained && node !== undefined) {
    await rights.require('nodes', node);
    return [nodesGroup];
  }
  const account = parseServiceAccountName(name);
  if (!account) {
    await rights.require('users', name);
    return groups;
  }
  await rights.require('serviceaccounts', account.name, { namespace: account.namespace });
  return groups.length > 0 ? groups : serviceAccountGroups(account.namespace);
}

async function authorizeGroups(rights: Rights, groups: readonly string[]): Promise<void> {
  if (rights.isConstrained) {
    if (groups.includes(''))
      rights.refuse('groups', '', 'impersonating the empty string group is not allowed');
    if (groups.includes(privilegedGroup))
      rights.refuse(
        'groups',
        privilegedGroup,
        'impersonating the system:masters group is not allowed',
      );
    if (groups.length >= manyNames && (await isAllowed(rights.require('groups', '*')))) return;
  }
  for (const group of groups) await rights.require('groups', group);
}

async function authorizeExtra(rights: Rights, extra: WantedUser['extra']): Promise<void> {
  const entries = Object.entries(extra);
  if (rights.isConstrained) {
    const fault = entries.map(([key, values]) => faultOf(key, values)).find(Boolean);
    if (fault) rights.refuse('userextras', '', fault);
    const many =
      entries.length >= manyNames || entries.flatMap(([, all]) => all).length >= manyNames;
    const all = { subresource: '*' };
    if (many && (await isAllowed(rights.require('userextras', '*', all)))) return;
  }
  for (const [subresource, values] of entries)
    for (const value of values) await rights.require('userextras', value, { subresource });
}

function faultOf(key: string, values: readonly string[]): string | undefined {
  const shown = JSON.stringify(key);
  if (key === '') return 'impersonating the empty string key in extra is not allowed';
  if (!/^[^/]+\/./.test(key))
    return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${shown}: must be a domain-prefixed path (such as "acme.io/foo")`;
  if (key !== key.toLowerCase())
    return `impersonating a non-lowercase key in extra is not allowed: ${shown}`;
  if (values.length === 0) return 'impersonating empty values in extra is not allowed';
  if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  return undefined;
}

function withStanding(name: string, groups: readonly string[]): readonly string[] {
  if (name !== anonymousName && groups.includes(allUnauthenticated)) return groups;
  const standing = name === anonymousName ? allUnauthenticated : allAuthenticated;
  return groups.includes(standing) ? groups : [...groups, standing];
}

async function isAllowed(required: Promise<void>): Promise<boolean> {
  return required.then(
    () => true,
    () => false, // then each name is asked for on its own, and that refusal is told
  );
}

function isNameOnly({ uid, groups, extra }: WantedUser): boolean {
  return uid === '' && groups.length === 0 && Object.keys(extra).length === 0;
}

function isNode({ name }: WantedUser): boolean {
  return parseNodeName(name) !== undefined;
}

function isServiceAccount({ name }: WantedUser): boolean {
  return parseServiceAccountName(name) !== undefined;
}
