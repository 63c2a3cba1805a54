import type {
  Call,
  Comprehension,
  Expression,
  ListLiteral,
  MapLiteral,
  Select,
  StructLiteral,
} from '#shared/cel/ast.ts';
import { namedType, type Checked, type Declarations } from '#shared/cel/checker.ts';
import { callOverload } from '#shared/cel/dispatch.ts';
import { fieldOf, hasField, indexed, optionally } from '#shared/cel/selection.ts';
import {
  CelError,
  CelOptional,
  CelTypeValue,
  isList,
  isMap,
  MadeMap,
  type CelValue,
} from '#shared/cel/values.ts';

/** What one evaluation has cost so far. */
export interface Spending {
  cost: number;
  readonly limit: number;
}

/** The values of variables, looked up from the innermost scope outwards. */
interface Frame {
  readonly spending: Spending;
  get(name: string): CelValue | undefined;
}

type Evaluate = (frame: Frame) => CelValue;

export const costLimitExceeded = 'operation cancelled: actual cost limit exceeded';

const perList = 10;
const perMap = 30;
const perStruct = 40;

/** Ends an evaluation that costs too much; nothing in an expression can absorb it. */
export class CostLimitError extends CelError {}

function spend({ spending }: Frame, cost: number): void {
  spending.cost += cost;
  if (spending.cost > spending.limit) throw new CostLimitError(costLimitExceeded);
}

/** Makes a function of a checked expression. */
export function compileExpression(
  expression: Expression,
  checked: Checked,
  declarations: Declarations,
): (variables: (name: string) => CelValue | undefined, spending: Spending) => CelValue {
  const evaluate = new Compiler(checked, declarations).compile(expression);
  return (variables, spending) => evaluate({ spending, get: variables });
}

class Compiler {
  readonly #checked: Checked;
  readonly #declarations: Declarations;

  constructor(checked: Checked, declarations: Declarations) {
    this.#checked = checked;
    this.#declarations = declarations;
  }

  compile(expression: Expression): Evaluate {
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression;
        return () => value;
      }
      case 'identifier':
        return this.#name(expression.name);
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

  #name(name: string): Evaluate {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    const type = namedType(plain, this.#declarations);
    return (frame) => {
      const value = frame.get(plain);
      spend(frame, 1);
      if (value !== undefined) return value;
      if (type) return new CelTypeValue(type);
      throw new CelError(`no such attribute(s): ${plain}`);
    };
  }

  #select(expression: Select): Evaluate {
    const name = this.#checked.names.get(expression);
    if (name) return this.#name(name);
    const operand = this.compile(expression.operand);
    const { field, isTest } = expression;
    if (isTest) return (frame) => hasField(operand(frame), field);
    return (frame) => {
      const value = operand(frame);
      spend(frame, 1);
      return fieldOf(value, field);
    };
  }

  #call(expression: Call): Evaluate {
    const { name, target, args } = expression;
    switch (name) {
      case '_&&_':
        return this.#logical(args, false);
      case '_||_':
        return this.#logical(args, true);
      case '_?_:_':
        return this.#conditional(args);
      case '_?._':
      case '_[?_]':
      case '_[_]':
        return this.#index(name, args);
      case '@not_strictly_false':
        return this.#notStrictlyFalse(args[0]!);
      default:
    }
    const qualified = this.#checked.names.get(expression);
    const all = target && !qualified ? [target, ...args] : args;
    const operands = all.map((each) => this.compile(each));
    const overloads = this.#checked.overloads.get(expression) ?? [];
    const shown = qualified ?? name;
    return (frame) => {
      const values = operands.map((operand) => operand(frame));
      const { result, cost } = callOverload(shown, overloads, values);
      spend(frame, cost);
      return result;
    };
  }

  /** Either side decides alone if it can, whatever becomes of the other. */
  #logical(args: readonly Expression[], decisive: boolean): Evaluate {
    const [left, right] = args.map((each) => this.compile(each)) as [Evaluate, Evaluate];
    return (frame) => {
      const first = attempt(left, frame);
      if (first === decisive) return decisive;
      const second = attempt(right, frame);
      if (second === decisive) return decisive;
      for (const each of [first, second]) {
        if (each instanceof CelError) throw each;
        if (typeof each !== 'boolean') throw new CelError('no such overload');
      }
      return !decisive;
    };
  }

  #conditional(args: readonly Expression[]): Evaluate {
    const [condition, yes, no] = args.map((each) => this.compile(each)) as [
      Evaluate,
      Evaluate,
      Evaluate,
    ];
    return (frame) => {
      const value = condition(frame);
      if (typeof value !== 'boolean') throw new CelError('no such overload');
      return value ? yes(frame) : no(frame);
    };
  }

  #index(name: string, args: readonly Expression[]): Evaluate {
    const [operand, key] = args.map((each) => this.compile(each)) as [Evaluate, Evaluate];
    const select = name === '_[_]' ? indexed : optionally;
    return (frame) => {
      const [value, at] = [operand(frame), key(frame)];
      spend(frame, 1);
      return select(value, at);
    };
  }

  #notStrictlyFalse(argument: Expression): Evaluate {
    const operand = this.compile(argument);
    return (frame) => {
      const value = attempt(operand, frame);
      spend(frame, 1);
      return value !== false;
    };
  }

  #list(expression: ListLiteral): Evaluate {
    const { elements, optional } = expression;
    if (isConstant(expression)) {
      const values = elements.map((each) => this.compile(each)(noFrame));
      return () => values;
    }
    const compiled = elements.map((each) => this.compile(each));
    return (frame) => {
      const values: CelValue[] = [];
      for (const [index, element] of compiled.entries()) {
        const value = element(frame);
        if (!optional.has(index)) values.push(value);
        else if (isPresent(value)) values.push(value.value!);
      }
      spend(frame, perList);
      return values;
    };
  }

  #map(expression: MapLiteral): Evaluate {
    const entries = expression.entries.map(({ key, value, isOptional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      isOptional,
    }));
    const isFree = isConstant(expression);
    return (frame) => {
      const map = new MadeMap();
      for (const entry of entries) {
        const [key, value] = [entry.key(frame), entry.value(frame)];
        if (entry.isOptional && !isPresent(value)) continue;
        if (map.has(key)) throw new CelError('Failed with repeated key');
        map.set(key, entry.isOptional ? (value as CelOptional).value! : value);
      }
      spend(frame, isFree ? 0 : perMap);
      return map;
    };
  }

  #struct({ name, fields }: StructLiteral): Evaluate {
    const type = namedType(name.replace(/^\./, ''), this.#declarations);
    const compiled = fields.map((field) => ({ ...field, evaluate: this.compile(field.value) }));
    return (frame) => {
      const made = new MadeMap(type);
      for (const field of compiled) {
        const value = field.evaluate(frame);
        if (field.isOptional && !isPresent(value)) continue;
        made.set(field.name, field.isOptional ? (value as CelOptional).value! : value);
      }
      spend(frame, perStruct);
      return made;
    };
  }

  #comprehension(expression: Comprehension): Evaluate {
    const { variable, secondVariable, accumulator } = expression;
    const range = this.compile(expression.range);
    const initial = this.compile(expression.initial);
    const condition = this.compile(expression.condition);
    const step = this.compile(expression.step);
    const result = this.compile(expression.result);
    return (frame) => {
      const values = range(frame);
      let accumulated = initial(frame);
      const scope: Frame = {
        spending: frame.spending,
        get: (name) => (name === accumulator ? accumulated : frame.get(name)),
      };
      for (const [first, second] of itemsOf(values, secondVariable !== undefined)) {
        const inner: Frame = {
          spending: frame.spending,
          get(name) {
            if (name === variable) return first;
            return name === secondVariable ? second : scope.get(name);
          },
        };
        if (condition(inner) !== true) break;
        accumulated = nextOf(step, inner);
      }
      return valueOf(result, scope);
    };
  }
}

/** An accumulator may hold an error, which a later turn of `all` or `exists` can make good. */
class Failed {
  readonly isCelObject = true;
  readonly type = { kind: 'simple', name: 'error' } as const;
  readonly error: CelError;

  constructor(error: CelError) {
    this.error = error;
  }

  equals(): boolean {
    return false;
  }
}

function nextOf(step: Evaluate, frame: Frame): CelValue {
  const value = attempt(step, frame);
  return value instanceof CelError ? new Failed(value) : value;
}

function valueOf(evaluate: Evaluate, frame: Frame): CelValue {
  const value = evaluate(frame);
  if (value instanceof Failed) throw value.error;
  return value;
}

function attempt(evaluate: Evaluate, frame: Frame): CelValue | CelError {
  try {
    return valueOf(evaluate, frame);
  } catch (error) {
    if (error instanceof CelError && !(error instanceof CostLimitError)) return error;
    throw error;
  }
}

function* itemsOf(
  range: CelValue,
  hasTwo: boolean,
): Iterable<readonly [CelValue, CelValue | undefined]> {
  if (isList(range)) {
    let index = 0n;
    for (const item of range) yield hasTwo ? [index++, item] : [item, undefined];
  } else if (isMap(range)) {
    for (const key of range.keys()) yield [key, hasTwo ? range.get(key) : undefined];
  } else throw new CelError('no such overload');
}

function isPresent(value: CelValue): value is CelOptional {
  if (value instanceof CelOptional) return value.value !== undefined;
  throw new CelError('cannot initialize optional entry from non-optional value');
}

const noFrame: Frame = {
  spending: { cost: 0, limit: Infinity },
  get: () => undefined,
};

/** Literals all the way down, which are made once. */
function isConstant(expression: Expression): boolean {
  if (expression.kind === 'literal') return true;
  if (expression.kind === 'list') {
    return expression.optional.size === 0 && expression.elements.every(isConstant);
  }
  if (expression.kind !== 'map') return false;
  return expression.entries.every(
    ({ key, value, isOptional }) => !isOptional && isConstant(key) && isConstant(value),
  );
}
