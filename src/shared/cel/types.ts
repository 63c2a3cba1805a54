/** The types of expressions, as cel-go knows them. */
export type CelType =
  | { readonly kind: 'simple'; readonly name: SimpleName }
  | { readonly kind: 'list'; readonly items: CelType }
  | { readonly kind: 'map'; readonly keys: CelType; readonly values: CelType }
  | { readonly kind: 'optional'; readonly of: CelType }
  | { readonly kind: 'type'; readonly of: CelType | undefined }
  /** Stands for any one type within a signature. */
  | { readonly kind: 'param'; readonly name: string }
  | ObjectType;

/** A type with a name of its own: with fields, with fields of any name, or without. */
export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  readonly fields?: ReadonlyMap<string, CelType>;
  /** Every field exists, and its type is found by its name. */
  readonly fieldType?: (field: string) => CelType | undefined;
}

type SimpleName =
  | 'bool'
  | 'bytes'
  | 'double'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'int'
  | 'null'
  | 'string'
  | 'timestamp'
  | 'uint';

const simple = (name: SimpleName): CelType => Object.freeze({ kind: 'simple', name });

export const dyn = simple('dyn');
export const bool = simple('bool');
export const bytes = simple('bytes');
export const double = simple('double');
export const duration = simple('duration');
export const errorType = simple('error');
export const int = simple('int');
export const nullType = simple('null');
export const string = simple('string');
export const timestamp = simple('timestamp');
export const uint = simple('uint');

const simples = new Map<string, CelType>(
  [bool, bytes, double, duration, dyn, int, nullType, string, timestamp, uint].map((each) => [
    (each as { readonly name: string }).name,
    each,
  ]),
);

export const listOf = (items: CelType): CelType => ({ kind: 'list', items });
export const mapOf = (keys: CelType, values: CelType): CelType => ({ kind: 'map', keys, values });
export const optionalOf = (of: CelType): CelType => ({ kind: 'optional', of });
export const typeOfType = (of?: CelType): CelType => ({ kind: 'type', of });
export const objectType = (
  name: string,
  more: Omit<ObjectType, 'kind' | 'name'> = {},
): ObjectType => ({ kind: 'object', name, ...more });

export function isDyn(type: CelType): boolean {
  return type.kind === 'simple' && (type.name === 'dyn' || type.name === 'error');
}

/** As it stands in cel-go's messages: `map(string, list(int))`. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'simple':
    case 'object':
    case 'param':
      return type.kind === 'simple' && type.name === 'error' ? '!error!' : type.name;
    case 'list':
      return `list(${formatType(type.items)})`;
    case 'map':
      return `map(${formatType(type.keys)}, ${formatType(type.values)})`;
    case 'optional':
      return `optional_type(${formatType(type.of)})`;
    case 'type':
    default:
      return type.of ? `type(${formatType(type.of)})` : 'type';
  }
}

/** What type parameters stand for. */
export type Substitution = ReadonlyMap<string, CelType>;

/** Types as signatures write them: `list(T)`, `map(string, dyn)`, `optional_type(V)`, `my.Type`. */
export function parseType(text: string): CelType {
  const { type, rest } = readType(text.trim());
  if (rest.trim()) throw new Error(`"${text}" is not a type: "${rest}" is left over`);
  return type;
}

function readType(text: string): { readonly type: CelType; readonly rest: string } {
  const name = /^[A-Za-z_][\w.]*/.exec(text)?.[0] ?? '';
  let rest = text.slice(name.length);
  const parameters: CelType[] = [];
  if (rest.startsWith('(')) {
    do {
      const read = readType(rest.slice(1).trimStart());
      parameters.push(read.type);
      rest = read.rest.trimStart();
    } while (rest.startsWith(','));
    rest = rest.slice(1);
  }
  return { type: named(name, parameters), rest };
}

function named(name: string, [first = dyn, second = dyn]: readonly CelType[]): CelType {
  if (name === 'list') return listOf(first);
  if (name === 'map') return mapOf(first, second);
  if (name === 'optional_type') return optionalOf(first);
  if (name === 'type') return typeOfType(first === dyn ? undefined : first);
  if (/^[A-Z]$/.test(name)) return { kind: 'param', name };
  return simples.get(name) ?? objectType(name);
}

/** The type with its parameters replaced; those that stand for nothing become `dyn` if asked for. */
export function substitute(
  type: CelType,
  substitution: Substitution,
  { isFinal = false }: { readonly isFinal?: boolean } = {},
): CelType {
  const inner = (each: CelType): CelType => substitute(each, substitution, { isFinal });
  switch (type.kind) {
    case 'param': {
      const known = substitution.get(type.name);
      if (known) return inner(known);
      return isFinal ? dyn : type;
    }
    case 'list':
      return listOf(inner(type.items));
    case 'map':
      return mapOf(inner(type.keys), inner(type.values));
    case 'optional':
      return optionalOf(inner(type.of));
    case 'type':
      return type.of ? typeOfType(inner(type.of)) : type;
    case 'object':
    case 'simple':
    default:
      return type;
  }
}

/** The substitution under which a value of `from` can stand where `to` is wanted, if there is one. */
export function assign(
  from: CelType,
  to: CelType,
  known: Substitution = new Map(),
): Substitution | undefined {
  const found = new Map(known);
  return fits(from, to, found) ? found : undefined;
}

function fits(from: CelType, to: CelType, found: Map<string, CelType>): boolean {
  if (to.kind === 'param') return bind(to.name, from, found);
  if (from.kind === 'param') return bind(from.name, to, found);
  if (isDyn(from) || isDyn(to)) return true;
  if (from.kind === 'simple' && from.name === 'null') return isNullable(to);
  if (to.kind === 'simple' && to.name === 'null') return isNullable(from);
  switch (to.kind) {
    case 'simple':
      return from.kind === 'simple' && from.name === to.name;
    case 'object':
      return from.kind === 'object' && from.name === to.name;
    case 'list':
      return from.kind === 'list' && fits(from.items, to.items, found);
    case 'map':
      return (
        from.kind === 'map' &&
        fits(from.keys, to.keys, found) &&
        fits(from.values, to.values, found)
      );
    case 'optional':
      return from.kind === 'optional' && fits(from.of, to.of, found);
    case 'type':
    default:
      return from.kind === 'type';
  }
}

function bind(name: string, type: CelType, found: Map<string, CelType>): boolean {
  if (type.kind === 'param' && type.name === name) return true;
  const known = found.get(name);
  if (!known) {
    if (mentions(type, name, found)) return false;
    found.set(name, type);
    return true;
  }
  if (!fits(type, known, found)) return false;
  // The more general one stands for both, unless it would stand for itself.
  const general = isLessSpecific(type, known) ? type : known;
  if (!mentions(general, name, found)) found.set(name, general);
  return true;
}

function mentions(type: CelType, name: string, found: Substitution): boolean {
  switch (type.kind) {
    case 'param': {
      if (type.name === name) return true;
      const known = found.get(type.name);
      return known ? mentions(known, name, found) : false;
    }
    case 'list':
      return mentions(type.items, name, found);
    case 'map':
      return mentions(type.keys, name, found) || mentions(type.values, name, found);
    case 'optional':
      return mentions(type.of, name, found);
    case 'object':
    case 'simple':
    case 'type':
    default:
      return false;
  }
}

function isNullable(type: CelType): boolean {
  if (type.kind === 'simple') return ['duration', 'null', 'timestamp'].includes(type.name);
  return type.kind === 'object' || type.kind === 'optional';
}

/** Whether the first says no more than the second. */
export function isLessSpecific(left: CelType, right: CelType): boolean {
  if (isDyn(left) || left.kind === 'param') return true;
  if (isDyn(right) || right.kind === 'param') return false;
  if (left.kind === 'list' && right.kind === 'list') {
    return isLessSpecific(left.items, right.items);
  }
  if (left.kind === 'map' && right.kind === 'map') {
    return isLessSpecific(left.keys, right.keys) && isLessSpecific(left.values, right.values);
  }
  if (left.kind === 'optional' && right.kind === 'optional') {
    return isLessSpecific(left.of, right.of);
  }
  return isSameType(left, right);
}

export function isSameType(left: CelType, right: CelType): boolean {
  return left === right || formatType(left) === formatType(right);
}
