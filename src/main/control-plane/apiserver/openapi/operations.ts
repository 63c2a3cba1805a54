export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

/** The content types of answers, by what they are. */
export type Produces = 'object' | 'stream' | 'log' | 'anything' | 'json' | 'jwks' | 'custom';

/** What an operation takes or answers: a type, a definition that is none, or plain text. */
export type Payload =
  | { readonly type: string }
  | { readonly definition: string }
  | 'patch'
  | 'text'
  | 'version';

/** One operation, before it is written in either version of OpenAPI. */
export interface Operation {
  readonly method: Method;
  readonly id: string;
  readonly description: string;
  readonly tag: string;
  readonly action?: string;
  /** `group/version/Kind` of what it is about. */
  readonly gvk?: string;
  readonly parameters: readonly string[];
  readonly body?: { readonly payload: Payload; readonly isRequired: boolean };
  readonly answers: readonly (readonly [code: 200 | 201 | 202, payload: Payload])[];
  /** Which content types it answers in. */
  readonly produces: Produces;
  /** Content types that the body may have; anything unless stated. */
  readonly consumes?: readonly string[];
}

export interface PathOperations {
  readonly path: string;
  /** Those that all its operations take, besides what each takes. */
  readonly parameters: readonly string[];
  /** What `{name}` names. */
  readonly nameOf?: string;
  /** For parameters whose sentence depends on it, such as `exec`. */
  readonly subresource?: string;
  readonly operations: readonly Operation[];
}

/** `Core` for the legacy group, `RbacAuthorization` for `rbac.authorization.k8s.io`. */
export function groupName(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capital)
    .join('');
}

export function tagOf(group: string, version?: string): string {
  const name = groupName(group);
  const lower = name.charAt(0).toLowerCase() + name.slice(1);
  return version === undefined ? lower : `${lower}_${version}`;
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
