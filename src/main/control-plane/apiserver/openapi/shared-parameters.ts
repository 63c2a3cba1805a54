import { createHash } from 'node:crypto';
import type { Json } from '#main/control-plane/apiserver/openapi/definitions.ts';

type Paths = Readonly<Record<string, Json>>;

/** Parameters that occur more than once stand once in a v2 document and are referred to. */
export function shareParameters(paths: Paths): {
  readonly paths: Paths;
  readonly parameters: Json;
} {
  const counts = new Map<string, number>();
  eachParameter(paths, (parameter) => {
    if (staysInPlace(parameter)) return parameter;
    const text = JSON.stringify(parameter);
    counts.set(text, (counts.get(text) ?? 0) + 1);
    return parameter;
  });
  const parameters: Record<string, Json> = {};
  const shared = eachParameter(paths, (parameter) => {
    const text = JSON.stringify(parameter);
    if ((counts.get(text) ?? 0) < 2) return parameter;
    const name = `${String(parameter['name'])}-${shortHash(text)}`;
    parameters[name] = parameter;
    return { $ref: `#/parameters/${name}` };
  });
  const names = Object.keys(parameters).sort();
  return {
    paths: shared,
    parameters: Object.fromEntries(names.map((name) => [name, parameters[name]])),
  };
}

/** Older kubectls look for these two in the operation itself; other bodies name their own kind. */
function staysInPlace({ in: place, name, schema }: Json): boolean {
  if (place === 'query') return name === 'dryRun' || name === 'fieldValidation';
  const { $ref: reference = '' } = (schema ?? {}) as { readonly $ref?: string };
  return place === 'body' && !reference.startsWith('#/definitions/io.k8s.apimachinery');
}

function eachParameter(paths: Paths, replaced: (parameter: Json) => Json): Paths {
  const list = (parameters: unknown): Json[] => (parameters as readonly Json[]).map(replaced);
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([key, value]) => {
          if (key === 'parameters') return [key, list(value)];
          const operation = value as Json;
          if (!operation['parameters']) return [key, operation];
          return [key, { ...operation, parameters: list(operation['parameters']) }];
        }),
      ),
    ]),
  );
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 8);
}
