import type { Descriptions, Json } from '#main/control-plane/apiserver/openapi/definitions.ts';
import type { PathOperations } from '#main/control-plane/apiserver/openapi/operations.ts';

const integers = new Set([
  'gracePeriodSeconds',
  'limit',
  'limitBytes',
  'ports',
  'sinceSeconds',
  'tailLines',
  'timeoutSeconds',
]);
const booleans = new Set([
  'allowWatchBookmarks',
  'follow',
  'force',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'insecureSkipTLSVerifyBackend',
  'orphanDependents',
  'previous',
  'sendInitialEvents',
  'stderr',
  'stdin',
  'stdout',
  'timestamps',
  'tty',
  'watch',
]);

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string | undefined;
}

/** What is known of a parameter by its name; `{path}` is the one in the path, `path` the query's, and
 * what follows `@` says whose sentence it has. */
export function parameterOf(
  shown: string,
  { nameOf, subresource }: PathOperations,
  { parameters }: Descriptions,
): Parameter {
  const isInPath = shown === 'name' || shown === 'namespace' || shown.startsWith('{');
  const [name = '', variant = subresource] = shown.replace(/^\{(.*)\}$/, '$1').split('@');
  return {
    name,
    in: isInPath ? 'path' : 'query',
    type: integers.has(name) ? 'integer' : booleans.has(name) ? 'boolean' : 'string',
    description:
      shown === 'name'
        ? `name of the ${nameOf}`
        : shown === '{path}'
          ? 'path to the resource'
          : (parameters[`${variant}.${name}`] ?? parameters[name]),
  };
}

/** In the order of upstream's documents. */
export function sortedParameters(parameters: readonly Parameter[]): readonly Parameter[] {
  return parameters.toSorted((a, b) =>
    a.name === b.name ? (a.in < b.in ? -1 : 1) : a.name < b.name ? -1 : 1,
  );
}

export function parameterV2({ name, in: where, type, description }: Parameter): Json {
  return {
    ...(description && { description }),
    in: where,
    name,
    ...(where === 'path' && { required: true }),
    type,
    uniqueItems: true,
  };
}

export function parameterV3({ name, in: where, type, description }: Parameter): Json {
  return {
    ...(description && { description }),
    in: where,
    name,
    ...(where === 'path' && { required: true }),
    schema: { type, uniqueItems: true },
  };
}

/** Parameters that every operation of the path takes stand once, at the path. */
export function splitParameters(path: PathOperations): {
  readonly shared: readonly string[];
  readonly ofOperation: (index: number) => readonly string[];
} {
  const [first, ...others] = path.operations;
  const common = (first?.parameters ?? []).filter((name) =>
    others.every(({ parameters }) => parameters.includes(name)),
  );
  return {
    shared: [...new Set([...path.parameters, ...common])],
    ofOperation: (index) =>
      path.operations[index]!.parameters.filter((name) => !common.includes(name)),
  };
}
