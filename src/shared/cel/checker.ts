import type {
  Call,
  Comprehension,
  Expression,
  ListLiteral,
  MapLiteral,
  Select,
  StructLiteral,
} from '#shared/cel/ast.ts';
import type { FunctionTable, Overload } from '#shared/cel/functions.ts';
import type { Issue } from '#shared/cel/source.ts';
import {
  assign,
  bool,
  dyn,
  errorType,
  formatType,
  int,
  isDyn,
  isLessSpecific,
  isSameType,
  listOf,
  mapOf,
  optionalOf,
  string,
  substitute,
  typeOfType,
  type CelType,
  type Substitution,
} from '#shared/cel/types.ts';
import { typeOf } from '#shared/cel/values.ts';

/** What an expression may name. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly functions: FunctionTable;
  /** The type that a struct literal or a type name of the environment's own stands for. */
  structType?(name: string): CelType | undefined;
}

/** What is known of an expression beyond its text; evaluation and estimates stand on it. */
export interface Checked {
  readonly type: CelType;
  readonly types: ReadonlyMap<Expression, CelType>;
  /** The overloads that a call may mean; one where the types say which. */
  readonly overloads: ReadonlyMap<Call, readonly Overload[]>;
  /** Selections and calls that are names: of a variable, of a type or of a namespaced function. */
  readonly names: ReadonlyMap<Expression, string>;
}

const typeNames = new Map<string, CelType>([
  ['bool', bool],
  ['int', int],
  ['string', string],
  ['dyn', dyn],
  ['list', listOf(dyn)],
  ['map', mapOf(dyn, dyn)],
  ['optional_type', optionalOf(dyn)],
  ['type', typeOfType()],
  ...(['bytes', 'double', 'uint'] as const).map((name) => [name, { kind: 'simple', name }]),
  ['null_type', { kind: 'simple', name: 'null' }],
  ['google.protobuf.Timestamp', { kind: 'simple', name: 'timestamp' }],
  ['google.protobuf.Duration', { kind: 'simple', name: 'duration' }],
] as [string, CelType][]);

/** The type that a name stands for by itself: `int`, `google.protobuf.Timestamp`. */
export function namedType(name: string, declarations: Declarations): CelType | undefined {
  return typeNames.get(name) ?? declarations.structType?.(name);
}

/** Finds the type of every part of the expression, or everything that is wrong with it. */
export function check(
  expression: Expression,
  declarations: Declarations,
): Checked | readonly Issue[] {
  const checker = new Checker(declarations);
  const type = checker.check(expression);
  if (checker.issues.length > 0) return checker.issues;
  return checker.finish(type);
}

class Checker {
  readonly issues: Issue[] = [];
  readonly #declarations: Declarations;
  readonly #types = new Map<Expression, CelType>();
  readonly #overloads = new Map<Call, readonly Overload[]>();
  readonly #names = new Map<Expression, string>();
  #scopes: ReadonlyMap<string, CelType>[] = [];
  #known: Substitution = new Map();
  #free = 0;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  finish(type: CelType): Checked {
    const final = (each: CelType): CelType => substitute(each, this.#known, { isFinal: true });
    return {
      type: final(type),
      types: new Map([...this.#types].map(([expression, each]) => [expression, final(each)])),
      overloads: this.#overloads,
      names: this.#names,
    };
  }

  check(expression: Expression): CelType {
    const type = this.#typeOf(expression);
    this.#types.set(expression, type);
    return type;
  }

  #typeOf(expression: Expression): CelType {
    switch (expression.kind) {
      case 'literal':
        return typeOf(expression.value);
      case 'identifier':
        return this.#identifier(expression.name, expression);
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
      default:
        return this.#comprehension(expression);
    }
  }

  #report(at: number, message: string): CelType {
    this.issues.push({ at, message });
    return errorType;
  }

  #undeclared(at: number, name: string): CelType {
    return this.#report(at, `undeclared reference to '${name}' (in container '')`);
  }

  #lookUp(name: string): CelType | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    if (plain === name) {
      for (const scope of this.#scopes.toReversed()) {
        const found = scope.get(name);
        if (found) return found;
      }
    }
    const variable = this.#declarations.variables.get(plain);
    if (variable) return variable;
    const type = namedType(plain, this.#declarations);
    return type && typeOfType(type);
  }

  #identifier(name: string, { at }: Expression): CelType {
    return this.#lookUp(name) ?? this.#undeclared(at, name);
  }

  #select(expression: Select): CelType {
    const qualified = qualifiedName(expression);
    const named = qualified && this.#lookUp(qualified);
    if (named) {
      this.#names.set(expression, qualified);
      return named;
    }
    const type = this.#field(expression.operand, expression.field, expression.at);
    return expression.isTest ? bool : this.#settled(type);
  }

  #field(operand: Expression, field: string, at: number, isOptional = false): CelType {
    const operandType = this.#settled(this.check(operand));
    const target = operandType.kind === 'optional' ? operandType.of : operandType;
    const type = this.#fieldOf(target, field, at);
    return isOptional || operandType.kind === 'optional' ? optionalOf(type) : type;
  }

  #fieldOf(target: CelType, field: string, at: number): CelType {
    if (target.kind === 'map') return target.values;
    if (target.kind === 'object' && (target.fields || target.fieldType)) {
      const found = target.fields?.get(field) ?? target.fieldType?.(field);
      return found ?? this.#report(at, `undefined field '${field}'`);
    }
    if (target.kind === 'param') {
      this.#isAssignable(dyn, target);
      return dyn;
    }
    if (isDyn(target)) return dyn;
    this.#report(at, `type '${formatType(target)}' does not support field selection`);
    return dyn;
  }

  #settled(type: CelType): CelType {
    return substitute(type, this.#known);
  }

  #isAssignable(from: CelType, to: CelType): boolean {
    const found = assign(from, to, this.#known);
    if (found) this.#known = found;
    return found !== undefined;
  }

  #call(expression: Call): CelType {
    const { name, target, args, at } = expression;
    if (name === '_?._') {
      const [operand, field] = args;
      const text = field?.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
      const type = this.#field(operand!, text, at, true);
      this.check(field!);
      return this.#settled(type);
    }
    const types = args.map((argument) => this.check(argument));
    const { functions } = this.#declarations;
    if (!target) {
      const plain = name.startsWith('.') ? name.slice(1) : name;
      const found = functions.get(plain);
      return found ? this.#resolve(expression, found, types) : this.#undeclared(at, name);
    }
    const qualified = qualifiedName(target);
    const namespaced = qualified && functions.get(`${qualified}.${name}`);
    if (namespaced && this.#lookUp(qualified.split('.')[0]!) === undefined) {
      this.#names.set(expression, `${qualified}.${name}`);
      return this.#resolve(expression, namespaced, types, `${qualified}.${name}`);
    }
    const targetType = this.check(target);
    const found = functions.get(name);
    if (!found) return this.#undeclared(at, name);
    return this.#resolve(expression, found, [targetType, ...types]);
  }

  #resolve(
    expression: Call,
    candidates: readonly Overload[],
    types: readonly CelType[],
    qualified?: string,
  ): CelType {
    const isMember = expression.target !== undefined && qualified === undefined;
    const { name, args, at } = expression;
    if (name === '_&&_' || name === '_||_') {
      let isRight = true;
      for (const [index, type] of types.entries()) {
        if (this.#isAssignable(type, bool)) continue;
        this.#mismatch(args[index]!.at, bool, type);
        isRight = false;
      }
      this.#overloads.set(expression, candidates);
      return isRight ? bool : errorType;
    }
    const fitting: Overload[] = [];
    let result: CelType | undefined;
    for (const candidate of candidates) {
      if (candidate.isMember !== isMember || candidate.parameters.length !== types.length) continue;
      const fresh = this.#instantiate(candidate);
      let known: Substitution | undefined = this.#known;
      for (const [index, type] of types.entries()) {
        known = known && assign(type, fresh.parameters[index]!, known);
      }
      if (!known) continue;
      this.#known = known;
      fitting.push(candidate);
      const own = this.#settled(fresh.result);
      if (!result) result = own;
      else if (!isDyn(result) && !isSameType(own, result)) result = dyn;
    }
    if (!result) return this.#noOverload(at, qualified ?? name, types, isMember);
    this.#overloads.set(expression, fitting);
    return result;
  }

  #noOverload(at: number, name: string, types: readonly CelType[], isMember: boolean): CelType {
    const shown = types.map((type) => formatType(substitute(type, this.#known, { isFinal: true })));
    const signature = isMember
      ? `${shown[0]}.(${shown.slice(1).join(', ')})`
      : `(${shown.join(', ')})`;
    return this.#report(at, `found no matching overload for '${name}' applied to '${signature}'`);
  }

  /** A signature's type parameters are its own at every call. */
  #instantiate({ parameters, result }: Overload): Pick<Overload, 'parameters' | 'result'> {
    const own = new Map<string, CelType>();
    const fresh = (type: CelType): CelType => {
      switch (type.kind) {
        case 'param': {
          let variable = own.get(type.name);
          if (!variable) own.set(type.name, (variable = this.#newVariable()));
          return variable;
        }
        case 'list':
          return listOf(fresh(type.items));
        case 'map':
          return mapOf(fresh(type.keys), fresh(type.values));
        case 'optional':
          return optionalOf(fresh(type.of));
        case 'type':
          return type.of ? typeOfType(fresh(type.of)) : type;
        case 'object':
        case 'simple':
        default:
          return type;
      }
    };
    return { parameters: parameters.map(fresh), result: fresh(result) };
  }

  #newVariable(): CelType {
    return { kind: 'param', name: `_var${this.#free++}` };
  }

  #mismatch(at: number, expected: CelType, found: CelType): void {
    const show = (type: CelType): string =>
      formatType(substitute(type, this.#known, { isFinal: true }));
    this.#report(at, `expected type '${show(expected)}' but found '${show(found)}'`);
  }

  #list({ elements, optional }: ListLiteral): CelType {
    let common: CelType | undefined;
    for (const [index, element] of elements.entries()) {
      const type = this.check(element);
      common = this.#join(element, common, this.#unwrapped(element, type, optional.has(index)));
    }
    return listOf(common ?? this.#newVariable());
  }

  #unwrapped({ at }: Expression, type: CelType, isOptional: boolean): CelType {
    if (!isOptional) return type;
    if (type.kind === 'optional') return type.of;
    if (!isDyn(type)) this.#mismatch(at, optionalOf(type), type);
    return type;
  }

  #join({ at }: Expression, previous: CelType | undefined, current: CelType): CelType {
    if (!previous) return current;
    if (this.#isAssignable(previous, current)) {
      return isLessSpecific(previous, current) ? previous : current;
    }
    this.#mismatch(at, previous, current);
    return errorType;
  }

  #map({ entries }: MapLiteral): CelType {
    let [keys, values]: (CelType | undefined)[] = [];
    for (const { key, value, isOptional } of entries) {
      keys = this.#join(key, keys, this.check(key));
      values = this.#join(value, values, this.#unwrapped(value, this.check(value), isOptional));
    }
    return mapOf(keys ?? this.#newVariable(), values ?? this.#newVariable());
  }

  #struct({ name, fields, at }: StructLiteral): CelType {
    const type = namedType(name.replace(/^\./, ''), this.#declarations);
    if (!type) return this.#undeclared(at, name);
    for (const field of fields) {
      const value = this.#unwrapped(field.value, this.check(field.value), field.isOptional);
      const expected = this.#fieldOf(type, field.name, field.at);
      if (this.#isAssignable(expected, value)) continue;
      this.#report(
        field.at,
        `expected type of field '${field.name}' is '${formatType(expected)}' but provided type is '${formatType(value)}'`,
      );
    }
    return type;
  }

  #comprehension(expression: Comprehension): CelType {
    const { range, variable, secondVariable, accumulator, initial, condition, step, result } =
      expression;
    const rangeType = this.#settled(this.check(range));
    const accumulated = this.check(initial);
    this.#scopes = [...this.#scopes, new Map([[accumulator, accumulated]])];
    const [first, second] = this.#itemTypes(rangeType, range, secondVariable !== undefined);
    const own = new Map([[variable, first]]);
    if (secondVariable) own.set(secondVariable, second);
    this.#scopes = [...this.#scopes, own];
    this.#assert(condition, bool);
    this.#assert(step, accumulated);
    this.#scopes = this.#scopes.slice(0, -1);
    const type = this.check(result);
    this.#scopes = this.#scopes.slice(0, -1);
    return this.#settled(type);
  }

  #itemTypes(range: CelType, { at }: Expression, hasTwo: boolean): readonly [CelType, CelType] {
    if (range.kind === 'list') return hasTwo ? [int, range.items] : [range.items, dyn];
    if (range.kind === 'map') return [range.keys, range.values];
    if (range.kind === 'param') this.#isAssignable(dyn, range);
    if (range.kind === 'param' || isDyn(range)) return [dyn, dyn];
    this.#report(
      at,
      `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    );
    return [errorType, errorType];
  }

  #assert(expression: Expression, wanted: CelType): void {
    const type = this.check(expression);
    if (!this.#isAssignable(wanted, type)) this.#mismatch(expression.at, wanted, type);
  }
}

/** `a.b.c` as a name, if the expression is nothing but names. */
export function qualifiedName(expression: Expression): string | undefined {
  if (expression.kind === 'identifier') return expression.name;
  if (expression.kind !== 'select' || expression.isTest) return undefined;
  const operand = qualifiedName(expression.operand);
  return operand === undefined ? undefined : `${operand}.${expression.field}`;
}
