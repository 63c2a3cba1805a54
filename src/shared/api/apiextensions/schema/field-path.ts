import { schemaOf, type Schema } from '#shared/api/apiextensions/schema/walk.ts';

const segment =
  /^(?:\.(?<name>[^.[\]]+)|\['(?<single>(?:\\.|[^'\\])*)'\]|\["(?<double>(?:\\.|[^"\\])*)"\])/;

/** What a path such as `.spec.items['a']` refers to within the schema; nothing if it does not. */
export function schemaAt(schema: Schema, path: string): Schema | undefined {
  if (!path) return undefined;
  let rest = path;
  let current: Schema | undefined = schema;
  while (rest) {
    const { 0: text = '', groups } = segment.exec(rest) ?? {};
    if (!text || !current) return undefined;
    const key = groups?.['name'] ?? groups?.['single'] ?? groups?.['double'] ?? '';
    const isBracket = groups?.['name'] === undefined;
    const properties: Schema['properties'] = current.properties;
    current = properties?.[key] ?? (isBracket ? schemaOf(current.additionalProperties) : undefined);
    rest = rest.slice(text.length);
  }
  return current;
}
