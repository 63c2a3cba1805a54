import type { Call, Comprehension, Expression, Select } from '#shared/cel/ast.ts';
import {
  add,
  fixed,
  times,
  union,
  unknownSize,
  type CostRange,
  type SizeRange,
} from '#shared/cel/cost-range.ts';
import type { Program } from '#shared/cel/environment.ts';
import type { EstimatedArgument } from '#shared/cel/functions.ts';
import { sizeOf } from '#shared/cel/library/sizes.ts';
import { dyn, isDyn, type CelType } from '#shared/cel/types.ts';

/** How large a value at a path below the variables may be: `['self', 'items', '@items']`. */
export type SizeAt = (path: readonly string[]) => SizeRange | undefined;

/** What an evaluation may cost at least and at most, as far as sizes are known; as cel-go estimates it. */
export function estimateCost({ expression, checked }: Program, sizeAt: SizeAt): CostRange {
  return new Estimator(checked, sizeAt).cost(expression);
}

interface Local {
  readonly path: readonly string[];
  readonly size: SizeRange | undefined;
  readonly items: SizeRange | undefined;
}

const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

class Estimator {
  readonly #checked: Program['checked'];
  readonly #sizeAt: SizeAt;
  readonly #paths = new Map<Expression, readonly string[]>();
  readonly #sizes = new Map<Expression, SizeRange>();
  readonly #items = new Map<Expression, SizeRange>();
  #locals: ReadonlyMap<string, Local> = new Map();

  constructor(checked: Program['checked'], sizeAt: SizeAt) {
    this.#checked = checked;
    this.#sizeAt = sizeAt;
  }

  cost(expression: Expression): CostRange {
    switch (expression.kind) {
      case 'literal':
        return fixed(0);
      case 'identifier': {
        const local = this.#locals.get(expression.name);
        this.#paths.set(expression, local?.path ?? [expression.name]);
        return fixed(1);
      }
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list': {
        const costs = expression.elements.map((each) => this.cost(each));
        this.#items.set(expression, this.#common(expression.elements));
        return add(fixed(10), ...costs);
      }
      case 'map': {
        const costs = expression.entries.flatMap(({ key, value }) => [
          this.cost(key),
          this.cost(value),
        ]);
        this.#items.set(expression, this.#common(expression.entries.map(({ value }) => value)));
        return add(fixed(30), ...costs);
      }
      case 'struct':
        return add(fixed(40), ...expression.fields.map(({ value }) => this.cost(value)));
      case 'comprehension':
      default:
        return this.#comprehension(expression);
    }
  }

  #typeOf(expression: Expression): CelType {
    return this.#checked.types.get(expression) ?? dyn;
  }

  #select(expression: Select): CostRange {
    const name = this.#checked.names.get(expression);
    if (name) {
      this.#paths.set(expression, [name]);
      return fixed(1);
    }
    const operand = this.cost(expression.operand);
    if (expression.isTest) return operand;
    this.#paths.set(expression, [...this.#pathOf(expression.operand), expression.field]);
    const { kind } = this.#typeOf(expression.operand);
    return kind === 'map' || kind === 'object' ? add(operand, fixed(1)) : operand;
  }

  #pathOf(expression: Expression): readonly string[] {
    const local = expression.kind === 'identifier' && this.#locals.get(expression.name);
    return (local || undefined)?.path ?? this.#paths.get(expression) ?? [];
  }

  #common(expressions: readonly Expression[]): SizeRange {
    if (expressions.length === 0) return fixed(0);
    return expressions.map((each) => this.#sizeOf(each) ?? unknownSize).reduce(union);
  }

  #sizeOf(expression: Expression): SizeRange | undefined {
    const known = this.#sizes.get(expression) ?? literalSize(expression);
    if (known) return known;
    const path = this.#pathOf(expression);
    const given = path.length > 0 && !path[0]!.startsWith('@') ? this.#sizeAt(path) : undefined;
    if (given) return given;
    const type = this.#typeOf(expression);
    if (type.kind === 'type' || (type.kind === 'simple' && scalars.has(type.name))) return fixed(1);
    return expression.kind === 'identifier' ? this.#locals.get(expression.name)?.size : undefined;
  }

  #itemsOf(expression: Expression): SizeRange | undefined {
    const known = this.#items.get(expression);
    if (known) return known;
    if (expression.kind === 'identifier') {
      const local = this.#locals.get(expression.name);
      if (local?.items) return local.items;
    }
    const path = this.#pathOf(expression);
    if (path.length === 0) return undefined;
    const step = this.#typeOf(expression).kind === 'map' ? '@values' : '@items';
    return this.#sizeAt([...path, step]);
  }

  #argument(expression: Expression): EstimatedArgument {
    return {
      type: this.#typeOf(expression),
      size: this.#sizeOf(expression) ?? unknownSize,
      items: this.#itemsOf(expression) ?? unknownSize,
    };
  }

  #call(expression: Call): CostRange {
    const { name, target, args } = expression;
    const qualified = this.#checked.names.get(expression);
    const all = target && !qualified ? [target, ...args] : args;
    const costs = all.map((each) => this.cost(each));
    if (name === 'dyn') {
      const [argument] = all;
      const size = this.#sizeOf(argument!);
      if (size) this.#sizes.set(expression, size);
      return add(fixed(1), ...costs);
    }
    if (name === '_&&_' || name === '_||_') {
      return { min: costs[0]!.min, max: costs[0]!.max + costs[1]!.max };
    }
    if (name === '_?_:_') {
      const [, yes, no] = all.map((each) => this.#sizeOf(each) ?? unknownSize);
      this.#sizes.set(expression, union(yes!, no!));
      const [left, right] = [this.#itemsOf(all[1]!), this.#itemsOf(all[2]!)];
      if (left && right) this.#items.set(expression, union(left, right));
      return add(costs[0]!, union(costs[1]!, costs[2]!));
    }
    const own = this.#callCost(expression, all);
    if (name === '_[_]') this.#indexed(expression, all[0]!);
    if (name === '_?._') {
      const [operand, field] = all;
      const text = field?.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
      this.#paths.set(expression, [...this.#pathOf(operand!), text]);
    }
    return add(own, ...costs);
  }

  /** The least of all overloads that the call may mean, and the most. */
  #callCost(expression: Call, all: readonly Expression[]): CostRange {
    const args = all.map((each) => this.#argument(each));
    const calls = (this.#checked.overloads.get(expression) ?? []).map(
      (overload) => overload.estimate?.(args) ?? { cost: fixed(1) },
    );
    const [first = { cost: fixed(1) }, ...others] = calls;
    const sizes = calls.flatMap((call) => ('size' in call && call.size ? [call.size] : []));
    const [size, ...otherSizes] = sizes;
    if (size) this.#sizes.set(expression, otherSizes.reduce(union, size));
    if (expression.name === '_+_') {
      const [left, right] = all.map((each) => this.#itemsOf(each));
      if (left && right) this.#items.set(expression, union(left, right));
    }
    return others.reduce((sum, { cost }) => union(sum, cost), first.cost);
  }

  #indexed(expression: Call, operand: Expression): void {
    const size = this.#itemsOf(operand);
    if (size) this.#sizes.set(expression, size);
    const type = this.#typeOf(operand);
    if (isDyn(type)) return;
    const step = type.kind === 'map' ? '@values' : '@items';
    this.#paths.set(expression, [...this.#pathOf(operand), step]);
  }

  #comprehension(expression: Comprehension): CostRange {
    const { range, initial, accumulator, result, condition, step } = expression;
    const before = this.#locals;
    const costs = [this.cost(range), this.cost(initial)];
    const accumulated: Local = {
      path: isBinding(expression) ? this.#pathOf(initial) : ['@result'],
      size: this.#sizeOf(initial),
      items: this.#itemsOf(initial),
    };
    this.#locals = new Map(before).set(accumulator, accumulated);
    if (isBinding(expression)) {
      costs.push(this.cost(result));
      this.#copySizes(expression, result);
      this.#locals = before;
      return add(...costs);
    }
    const outer = this.#locals;
    this.#locals = this.#withItems(expression, outer);
    const turn = add(this.cost(condition), this.cost(step));
    this.#locals = outer;
    costs.push(this.cost(result));
    this.#locals = before;
    const count = this.#sizeOf(range) ?? unknownSize;
    if (initial.kind === 'literal') {
      const size = this.#sizeOf(initial);
      if (size) this.#sizes.set(expression, size);
    } else {
      this.#sizes.set(expression, count);
      const items = this.#items.get(step);
      if (items) this.#items.set(expression, items);
    }
    return add(...costs, times(count, turn));
  }

  #copySizes(to: Expression, from: Expression): void {
    const [size, items] = [this.#sizeOf(from), this.#itemsOf(from)];
    if (size) this.#sizes.set(to, size);
    if (items) this.#items.set(to, items);
    this.#paths.set(to, this.#pathOf(from));
  }

  #withItems(
    { range, variable, secondVariable }: Comprehension,
    outer: ReadonlyMap<string, Local>,
  ): ReadonlyMap<string, Local> {
    const path = this.#pathOf(range);
    const isMap = this.#typeOf(range).kind === 'map';
    const items = this.#itemsOf(range);
    const below = (step: string): readonly string[] => (path.length > 0 ? [...path, step] : []);
    const item: Local = { path: below('@items'), size: items, items: undefined };
    const value: Local = { path: below('@values'), size: items, items: undefined };
    const key: Local = {
      path: below(isMap ? '@keys' : '@indices'),
      size: isMap ? undefined : fixed(1),
      items: undefined,
    };
    const locals = new Map(outer);
    if (!secondVariable) return locals.set(variable, isMap ? key : item);
    return locals.set(variable, key).set(secondVariable, isMap ? value : item);
  }
}

/** `cel.bind` and what is made of it. */
function isBinding({ range, condition }: Comprehension): boolean {
  const isEmpty = range.kind === 'list' && range.elements.length === 0;
  return isEmpty && condition.kind === 'literal' && condition.value === false;
}

function literalSize(expression: Expression): SizeRange | undefined {
  if (expression.kind === 'literal') return fixed(sizeOf(expression.value));
  if (expression.kind === 'list') return fixed(expression.elements.length);
  return expression.kind === 'map' ? fixed(expression.entries.length) : undefined;
}
