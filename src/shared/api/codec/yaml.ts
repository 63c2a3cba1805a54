import {
  type Alias,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { NumberLiteral } from '#shared/api/codec/json.ts';

export interface ParsedYaml {
  /** As if it had come from JSON; private to the caller. */
  readonly value: unknown;
  /** The sentence that strict reading adds for duplicate keys. */
  readonly strictErrors: readonly string[];
}

/** Invalid YAML, in go-yaml's form. */
export class YamlSyntaxError extends Error {
  override readonly name = 'YamlSyntaxError';
}

/** Reads the first document of a YAML text as go-yaml does: YAML 1.1's plain scalars, aliases, merges. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const error = document.errors.find(({ code }) => code !== 'MULTIPLE_DOCS');
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    const where = line > 1 ? `line ${line}: ` : '';
    const fault = error.message.includes('call stack')
      ? 'exceeded max depth of 10000'
      : (faults[error.code] ?? error.message);
    throw new YamlSyntaxError(`yaml: ${where}${fault}`, { cause: error });
  }
  const reader = new NodeReader(document, lines);
  const value = reader.value(document.contents);
  const { duplicates } = reader;
  return {
    value,
    strictErrors:
      duplicates.length > 0 ? [`yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`] : [],
  };
}

/** go-yaml's words for what both parsers refuse. */
const faults: Partial<Record<ErrorCode, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'mapping values are not allowed in this context',
  BAD_SCALAR_START: 'found character that cannot start any token',
  TAB_AS_INDENT: 'found character that cannot start any token',
  MISSING_CHAR: 'found unexpected end of stream',
  BAD_INDENT: 'did not find expected key',
  UNEXPECTED_TOKEN: 'block sequence entries are not allowed in this context',
  BAD_ALIAS: 'did not find expected alphabetic or numeric character',
};

/** go-yaml gives up on texts that grow by their aliases. */
const maxNodes = 4_000_000;

class NodeReader {
  readonly duplicates: string[] = [];
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document;
    this.#lines = lines;
  }

  value(node: ParsedNode | null): unknown {
    if (!node) return null;
    if (++this.#nodes > maxNodes)
      throw new YamlSyntaxError('yaml: document contains excessive aliasing');
    if (isAlias(node)) return this.#target(node);
    if (isScalar(node)) return scalarValue(node);
    if (isSeq(node)) return node.items.map((item) => this.value(item));
    if (isMap(node)) return this.#members(node);
    return null;
  }

  #target(alias: Alias): unknown {
    const target = alias.resolve(this.#document);
    if (!target) throw new YamlSyntaxError(`yaml: unknown anchor '${alias.source}' referenced`);
    if (this.#open.has(target))
      throw new YamlSyntaxError(`yaml: anchor '${alias.source}' value contains itself`);
    this.#open.add(target);
    const value = this.value(target as ParsedNode);
    this.#open.delete(target);
    return value;
  }

  #members(map: YAMLMap<ParsedNode, ParsedNode | null>): Record<string, unknown> {
    const object = new Map<string, unknown>();
    const merged: unknown[] = [];
    for (const { key, value } of map.items) {
      if (isMergeKey(key)) {
        merged.push(...[this.value(value)].flat());
        continue;
      }
      const keyValue = this.value(key);
      const name = keyName(keyValue);
      if (object.has(name)) {
        const { line } = this.#lines.linePos(key.range[0]);
        const shown = typeof keyValue === 'string' ? JSON.stringify(name) : name;
        this.duplicates.push(`line ${line}: key ${shown} already set in map`);
      }
      object.set(name, this.value(value));
    }
    for (const other of merged) {
      if (typeof other !== 'object' || other === null || Array.isArray(other))
        throw new YamlSyntaxError('yaml: map merge requires map or sequence of maps as the value');
      for (const [name, value] of Object.entries(other))
        if (!object.has(name)) object.set(name, value);
    }
    return Object.fromEntries(object);
  }
}

function isMergeKey(key: ParsedNode): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

function keyName(key: unknown): string {
  if (key === null) throw new YamlSyntaxError('unsupported map key of type: %!s(<nil>)');
  if (typeof key === 'object' && !(key instanceof NumberLiteral))
    throw new YamlSyntaxError(`yaml: invalid map key: ${JSON.stringify(key)}`);
  return key instanceof NumberLiteral ? key.source : `${key as string | number | boolean}`;
}

function scalarValue({ value, source, type, tag }: Scalar): unknown {
  const text = typeof value === 'string' ? value : (source ?? '');
  if (tag === '!!binary' || tag === 'tag:yaml.org,2002:binary') return atob(text);
  const isText = tag === '!' || tag === '!!str' || tag === 'tag:yaml.org,2002:str';
  if (isText || (type !== 'PLAIN' && type !== undefined && !tag)) return text;
  return plainValue(text);
}

const words = new Map<string, unknown>([
  ...['true', 'True', 'TRUE', 'y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map(
    (word) => [word, true] as const,
  ),
  ...['false', 'False', 'FALSE', 'n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map(
    (word) => [word, false] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);

const integer = /^[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/i;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/** YAML 1.1's guesses, those of go-yaml: `yes` is true, `010` is eight, `1_000` a thousand. */
function plainValue(text: string): unknown {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!/^[-+.\d]/.test(text)) return text;
  const plain = text.replaceAll('_', '');
  if (integer.test(plain)) return integerOf(plain);
  if (/^[-+]?\.inf$/i.test(text)) throw new YamlSyntaxError('json: unsupported value: +Inf');
  const number = float.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(number) ? number : text;
}

function integerOf(plain: string): unknown {
  const sign = plain.startsWith('-') ? -1n : 1n;
  const digits = plain.replace(/^[-+]/, '').toLowerCase();
  const isOctal = /^0[0-7]+$/.test(digits);
  const value = sign * BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  if (value > 2n ** 64n - 1n || value < -(2n ** 63n)) return Number(value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new NumberLiteral(String(value));
}
