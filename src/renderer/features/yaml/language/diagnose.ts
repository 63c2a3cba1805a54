import { isAlias, isMap, isScalar, isSeq, type Scalar } from 'yaml';
import { fuzzyScore } from '#shared/base/fuzzy.ts';
import { isEmptyDocument, parseDocuments, spanOf, typeOf, type YamlDocument } from './documents.ts';
import { isOpen, memberOf, resolved, type PathStep, type Rooted, type Schema } from './schema.ts';

/** Something that is wrong with the text, from one character to another. */
export interface Problem {
  readonly from: number;
  readonly to: number;
  readonly severity: 'error' | 'warning';
  /** What is wrong, and what would be right. */
  readonly message: string;
}

/** The schema of a kind, or why there is none. */
export type FindSchema = (apiVersion: string, kind: string) => Rooted | undefined;

/** All that can be told without asking the server: the syntax, then each document against its schema. */
export function diagnose(text: string, findSchema: FindSchema): readonly Problem[] {
  return parseDocuments(text).flatMap((document) => {
    if (isEmptyDocument(document)) return [];
    const syntax = [...document.errors, ...document.warnings].map((error): Problem => ({
      from: error.pos[0],
      to: Math.max(error.pos[1], error.pos[0] + 1),
      severity: error.name === 'YAMLWarning' ? 'warning' : 'error',
      message: sentence(error.code, error.message),
    }));
    return [...syntax, ...againstSchema(document, findSchema)];
  });
}

const sentences: Readonly<Record<string, string>> = {
  BAD_INDENT: 'The indentation does not fit what stands above it',
  TAB_AS_INDENT: 'YAML is indented with spaces; a tab stands here',
  DUPLICATE_KEY: 'This key stands here twice; only one of them can hold',
  MISSING_CHAR: 'Something is missing here',
  UNEXPECTED_TOKEN: 'This does not belong here',
  BAD_ALIAS: 'Nothing above is named so',
};

function sentence(code: string, message: string): string {
  const own = sentences[code];
  const [first = ''] = message.split('\n');
  const plain = first.replace(/ at line \d+, column \d+:?$/, '');
  return own ? `${own} (${plain})` : plain;
}

function againstSchema(document: YamlDocument, findSchema: FindSchema): readonly Problem[] {
  const [from] = spanOf(document);
  if (!isMap(document.contents)) {
    if (document.errors.length > 0) return [];
    return [
      {
        from,
        to: from + 1,
        severity: 'error',
        message: 'An object is a map with apiVersion, kind and metadata',
      },
    ];
  }
  const { apiVersion, kind } = typeOf(document);
  const start = document.contents.range?.[0] ?? from;
  const missing = [...(apiVersion ? [] : ['apiVersion']), ...(kind ? [] : ['kind'])];
  if (missing.length > 0) {
    const message = `${missing.join(' and ')} is missing: nobody knows what this is`;
    return [{ from: start, to: start + 1, severity: 'error', message }];
  }
  const root = findSchema(apiVersion, kind);
  if (root) return check(document.contents, { rooted: root, path: [] });
  const at = document.contents.items.find(({ key }) => isScalar(key) && key.value === 'kind');
  const [kindFrom, kindTo] = rangeOfNode(at?.value, start);
  return [
    {
      from: kindFrom,
      to: kindTo,
      severity: 'error',
      message: `This cluster serves no ${kind} in ${apiVersion}`,
    },
  ];
}

interface Place {
  readonly rooted: Rooted;
  readonly path: readonly PathStep[];
}

function check(node: unknown, { rooted, path }: Place): readonly Problem[] {
  if (isAlias(node)) return [];
  if (node === null || (isScalar(node) && node.value === null)) return [];
  const place = { rooted: resolved(rooted), path };
  if (isMap(node)) return checkMap(node, place);
  if (isSeq(node)) return checkList(node, place);
  return isScalar(node) ? checkScalar(node, place) : [];
}

function checkMap(
  node: { readonly items: readonly { key: unknown; value: unknown }[]; range?: unknown },
  { rooted, path }: Place,
): readonly Problem[] {
  const { schema } = rooted;
  if (schema.type && schema.type !== 'object') return [wrongType(node, rooted, 'a map')];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const { key, value } of node.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    seen.add(name);
    const member = memberOf(rooted, name);
    if (member) problems.push(...check(value, { rooted: member, path: [...path, name] }));
    else if (!isOpen(rooted)) problems.push(unknownField(key, rooted));
  }
  const missing = (schema.required ?? []).filter((name) => !seen.has(name));
  if (missing.length > 0) {
    const [from] = rangeOfNode(node, 0);
    const where = path.length > 0 ? ` of ${path.join('.')}` : '';
    problems.push({
      from,
      to: from + 1,
      severity: 'error',
      message: `${missing.join(', ')}${where} is required and not there`,
    });
  }
  return problems;
}

function checkList(
  node: { readonly items: readonly unknown[]; range?: unknown },
  { rooted, path }: Place,
): readonly Problem[] {
  const { schema } = rooted;
  if (schema.type && schema.type !== 'array') return [wrongType(node, rooted, 'a list')];
  const member = memberOf(rooted, 0);
  if (!member) return [];
  return node.items.flatMap((item, index) =>
    check(item, { rooted: member, path: [...path, index] }),
  );
}

function checkScalar(node: Scalar, { rooted }: Place): readonly Problem[] {
  const { schema } = rooted;
  const { value } = node;
  const allowed = typesOf(schema);
  const given = typeof value === 'bigint' ? 'integer' : scalarType(value);
  if (
    allowed.length > 0 &&
    !allowed.includes(given) &&
    !(given === 'integer' && allowed.includes('number'))
  )
    return [wrongType(node, rooted, `the ${given} ${JSON.stringify(value)}`)];
  const values = schema.enum;
  if (values && !values.includes(value)) {
    const [from, to] = rangeOfNode(node, 0);
    const message = `${JSON.stringify(value)} is none of ${values.map(String).join(', ')}`;
    return [{ from, to, severity: 'error', message }];
  }
  return [];
}

/** Empty where anything may stand. */
function typesOf(schema: Schema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string')
    return ['integer', 'string'];
  if (schema.type) return [schema.type];
  return [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap(({ type }) => type ?? []);
}

function scalarType(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const typeWords: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'a string (quote it)',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function wrongType(node: unknown, { schema }: Rooted, given: string): Problem {
  const [from, to] = rangeOfNode(node, 0);
  const wanted = typesOf(schema).map((type) => typeWords[type] ?? type);
  return {
    from,
    to: isScalar(node) ? to : from + 1,
    severity: 'error',
    message: `${wanted.join(' or ')} is wanted here, not ${given}`,
  };
}

function unknownField(key: Scalar, { schema }: Rooted): Problem {
  const [from, to] = rangeOfNode(key, 0);
  const name = String(key.value);
  const known = Object.keys(schema.properties ?? {});
  const close = nearest(name, known);
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  return { from, to, severity: 'error', message: `There is no field ${name} here${hint}` };
}

/** The known name that most likely was meant. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const close = known.filter(
    (each) =>
      distance(wanted, each.toLowerCase()) <= Math.max(1, Math.floor(name.length / 3)) ||
      (name.length > 3 && fuzzyScore(each.toLowerCase(), [wanted]) !== undefined),
  );
  return close.toSorted(
    (a, b) => distance(wanted, a.toLowerCase()) - distance(wanted, b.toLowerCase()),
  )[0];
}

/** Letters to insert, drop or replace to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same);
    }
    row = next;
  }
  return row[b.length]!;
}

function rangeOfNode(node: unknown, otherwise: number): readonly [number, number] {
  const { range } = (node ?? {}) as { readonly range?: readonly [number, number, number] | null };
  return range ? [range[0], Math.max(range[1], range[0] + 1)] : [otherwise, otherwise + 1];
}
