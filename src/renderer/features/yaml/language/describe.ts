import { documentAt, parseDocuments, pathAt, rangeOf, typeOf } from './documents.ts';
import type { FindSchema } from './diagnose.ts';
import { resolved, schemaAt, typeText } from './schema.ts';

/** What the schema says about one place. */
export interface Description {
  readonly apiVersion: string;
  readonly kind: string;
  /** `spec.template.spec.containers[0].image`. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
  readonly facts: readonly string[];
  readonly members: readonly Member[];
  readonly from: number;
  readonly to: number;
}

export interface Member {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly isRequired: boolean;
}

/** The documentation of what is at the position; undefined where the schema says nothing. */
export function describe(
  text: string,
  offset: number,
  findSchema: FindSchema,
): Description | undefined {
  const document = documentAt(parseDocuments(text), offset);
  if (!document) return undefined;
  const { apiVersion, kind } = typeOf(document);
  const root = findSchema(apiVersion, kind);
  if (!root) return undefined;
  const path = pathAt(document, offset);
  const at = schemaAt(root, path);
  if (!at) return undefined;
  const { schema, definitions } = resolved(at);
  const parent = path.length > 0 ? schemaAt(root, path.slice(0, -1)) : undefined;
  const isRequired = parent?.schema.required?.includes(String(path.at(-1))) ?? false;
  const listed = schema.items ? resolved({ schema: schema.items, definitions }).schema : schema;
  const required = new Set(listed.required);
  const [from, to] = rangeOf(document, path);
  return {
    apiVersion,
    kind,
    path: path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .replace(/^\./, ''),
    type: typeText(at),
    text: schema.description ?? '',
    facts: [
      ...(isRequired ? ['required'] : []),
      ...(schema.enum ? [`one of ${schema.enum.map(String).join(', ')}`] : []),
      ...(isTelling(schema.default) ? [`default ${JSON.stringify(schema.default)}`] : []),
      ...(schema.pattern ? [`matches ${schema.pattern}`] : []),
      ...(schema.minimum === undefined ? [] : [`at least ${schema.minimum}`]),
      ...(schema.maximum === undefined ? [] : [`at most ${schema.maximum}`]),
    ],
    members: Object.entries(listed.properties ?? {})
      .map(([name, member]) => {
        const of = resolved({ schema: member, definitions });
        return {
          name,
          type: typeText(of),
          text: of.schema.description ?? '',
          isRequired: required.has(name),
        };
      })
      .toSorted(
        (a, b) => Number(b.isRequired) - Number(a.isRequired) || a.name.localeCompare(b.name),
      ),
    from,
    to,
  };
}

/** Empty defaults are how Go spells "nothing". */
function isTelling(value: unknown): boolean {
  return value !== undefined && JSON.stringify(value) !== '{}' && value !== '' && value !== 0;
}
