import { add, fixed, perCharacter, scaled } from '#shared/cel/cost-range.ts';
import { functionTable, type CostRules, type LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { sizeOf } from '#shared/cel/library/sizes.ts';
import { objectType } from '#shared/cel/types.ts';
import { CelError, type CelValue } from '#shared/cel/values.ts';
import { dns1123Label, nameIsDnsSubdomain } from '#shared/kube/names.ts';

const authorizer = 'kubernetes.authorization.Authorizer';
const pathCheck = 'kubernetes.authorization.PathCheck';
const groupCheck = 'kubernetes.authorization.GroupCheck';
const resourceCheck = 'kubernetes.authorization.ResourceCheck';
const decision = 'kubernetes.authorization.Decision';

export const authorizerType = objectType(authorizer);
export const resourceCheckType = objectType(resourceCheck);

/** What may be asked about; a path, or a resource. */
export interface CheckedRequest {
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface CheckDecision {
  readonly isAllowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** Somebody's permissions, as expressions ask for them. */
export interface PermissionCheck {
  check(verb: string, request: CheckedRequest): CheckDecision;
  forServiceAccount(namespace: string, name: string): PermissionCheck;
}

interface Check {
  readonly permissions: PermissionCheck;
  readonly request: CheckedRequest;
}

type Held<T> = Opaque<T>;

const never = (): boolean => false;

export function celAuthorizer(permissions: PermissionCheck): CelValue {
  return new Opaque(authorizer, permissions, never);
}

/** `authorizer.requestResource` */
export function celResourceCheck(permissions: PermissionCheck, request: CheckedRequest): CelValue {
  return checkOf(resourceCheck, { permissions, request });
}

function checkOf(type: string, check: Check): Opaque<Check> {
  return new Opaque(type, check, never);
}

const narrowed =
  (member: keyof CheckedRequest) =>
  ({ content: { permissions, request } }: Held<Check>, value: string): CelValue =>
    checkOf(resourceCheck, { permissions, request: { ...request, [member]: value } });

const decide = ({ content: { permissions, request } }: Held<Check>, verb: string): CelValue =>
  new Opaque(decision, permissions.check(verb, request), never);

/** Two checks are all that one expression can afford. */
const expensive: CostRules = { cost: () => 350_000, estimate: () => ({ cost: fixed(350_000) }) };

/** A selector's text becomes a list of requirements. */
const selecting: CostRules = {
  cost([, selector]) {
    const length = sizeOf(selector!);
    return 10 + Math.ceil(length * perCharacter) + Math.ceil(Math.ceil(length * 0.5) * 50);
  },
  estimate: ([, selector]) => ({
    cost: add(
      fixed(10),
      scaled(selector!.size, perCharacter),
      scaled(scaled(selector!.size, 0.5), 50),
    ),
  }),
};

const entries: readonly LibraryEntry[] = [
  [`${authorizer}::path(string): ${pathCheck}`, pathOf],
  [
    `${authorizer}::group(string): ${groupCheck}`,
    ({ content: permissions }: Held<PermissionCheck>, group: string) =>
      checkOf(groupCheck, { permissions, request: { group } }),
  ],
  [`${authorizer}::serviceAccount(string, string): ${authorizer}`, serviceAccountOf],
  [`${groupCheck}::resource(string): ${resourceCheck}`, resourceOf],
  [`${resourceCheck}::subresource(string): ${resourceCheck}`, narrowed('subresource')],
  [`${resourceCheck}::namespace(string): ${resourceCheck}`, narrowed('namespace')],
  [`${resourceCheck}::name(string): ${resourceCheck}`, narrowed('name')],
  [
    `${resourceCheck}::fieldSelector(string): ${resourceCheck}`,
    narrowed('fieldSelector'),
    selecting,
  ],
  [
    `${resourceCheck}::labelSelector(string): ${resourceCheck}`,
    narrowed('labelSelector'),
    selecting,
  ],
  [`${pathCheck}::check(string): ${decision}`, decide, expensive],
  [`${resourceCheck}::check(string): ${decision}`, decide, expensive],
  [
    `${decision}::errored(): bool`,
    ({ content }: Held<CheckDecision>) => content.error !== undefined,
  ],
  [`${decision}::error(): string`, ({ content }: Held<CheckDecision>) => content.error ?? ''],
  [`${decision}::allowed(): bool`, ({ content }: Held<CheckDecision>) => content.isAllowed],
  [`${decision}::reason(): string`, ({ content }: Held<CheckDecision>) => content.reason],
];

export const authorizerFunctions = functionTable([entries]);

function pathOf({ content: permissions }: Held<PermissionCheck>, path: string): CelValue {
  if (!path.trim()) throw new CelError('path must not be empty');
  return checkOf(pathCheck, { permissions, request: { path } });
}

function resourceOf({ content }: Held<Check>, resource: string): CelValue {
  if (!resource.trim()) throw new CelError('resource must not be empty');
  const { permissions, request } = content;
  return checkOf(resourceCheck, { permissions, request: { ...request, resource } });
}

function serviceAccountOf(
  { content }: Held<PermissionCheck>,
  namespace: string,
  name: string,
): CelValue {
  if (nameIsDnsSubdomain(name).length > 0) throw new CelError('Invalid service account name');
  if (dns1123Label(namespace).length > 0) throw new CelError('Invalid service account namespace');
  return celAuthorizer(content.forServiceAccount(namespace, name));
}
