import { itemsOf, schemaOf, type Schema } from '#shared/api/apiextensions/schema/walk.ts';

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

/** The first of `self.a.b` that a rule names and the schema does not have. */
export function undefinedField(schema: Schema, rule: string): string | undefined {
  const withoutTexts = rule.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, "''");
  for (const [, chain] of withoutTexts.matchAll(
    /(?<![\w.])(?:self|oldSelf)((?:\.\w+)+)(?![\w(])/g,
  )) {
    let current: Schema | undefined = schema;
    for (const name of chain!.slice(1).split('.')) {
      const properties: Schema['properties'] = current?.properties;
      if (!current || current.type !== 'object' || !properties || itemsOf(current)) break;
      if (!properties[name] && !name.startsWith('__')) return name;
      current = properties[name];
    }
  }
  return undefined;
}
