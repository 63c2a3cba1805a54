import { accumulatorName, type Comprehension, type Expression } from '#shared/cel/ast.ts';
import type { Issue } from '#shared/cel/source.ts';

interface MacroCall {
  readonly name: string;
  readonly target: Expression | undefined;
  readonly args: readonly Expression[];
  readonly at: number;
}

type Expander = (call: MacroCall) => Expression | Issue | undefined;

/** What a call stands for if it is a macro; an issue if it is one that is called wrongly. */
export function expandMacro(call: MacroCall): Expression | Issue | undefined {
  const kind = call.target ? 'member' : 'global';
  const own = Object.hasOwn(macros, `${kind} ${call.name}/${call.args.length}`);
  return own ? macros[`${kind} ${call.name}/${call.args.length}`]!(call) : undefined;
}

const macros: Readonly<Record<string, Expander>> = {
  'global has/1': has,
  'member all/2': overOne(all),
  'member all/3': overTwo(all),
  'member exists/2': overOne(exists),
  'member exists/3': overTwo(exists),
  'member exists_one/2': overOne(existsOne),
  'member existsOne/2': overOne(existsOne),
  'member existsOne/3': overTwo(existsOne),
  'member exists_one/3': overTwo(existsOne),
  'member filter/2': overOne(filter),
  'member map/2': overOne(map),
  'member map/3': overOne(map),
  'member transformList/3': overTwo(map),
  'member transformList/4': overTwo(map),
  'member transformMap/3': overTwo(transformMap),
  'member transformMap/4': overTwo(transformMap),
  'member transformMapEntry/3': overTwo(transformMapEntry),
  'member transformMapEntry/4': overTwo(transformMapEntry),
  'member bind/3': bind,
  'member optMap/2': optionalMap(true),
  'member optFlatMap/2': optionalMap(false),
  'member sortBy/2': sortBy,
};

function has({ args: [argument] }: MacroCall): Expression | Issue {
  if (argument?.kind === 'select' && !argument.isTest) return { ...argument, isTest: true };
  return { at: argument!.at, message: 'invalid argument to has() macro' };
}

interface Loop {
  readonly at: number;
  /** What follows the variables: predicates and transformations. */
  readonly args: readonly Expression[];
  readonly variable: string;
}

type Fold = Pick<Comprehension, 'initial' | 'condition' | 'step' | 'result'>;

function overOne(fold: (loop: Loop) => Fold): Expander {
  return ({ target, args: [variable, ...args], at }) => {
    if (variable?.kind !== 'identifier') {
      return { at: variable!.at, message: 'argument must be a simple name' };
    }
    if (variable.name === accumulatorName) {
      return { at: variable.at, message: 'iteration variable overwrites accumulator variable' };
    }
    return loopOver(target!, [variable.name], fold({ at, args, variable: variable.name }), at);
  };
}

function overTwo(fold: (loop: Loop) => Fold): Expander {
  return ({ target, args: [first, second, ...args], at }) => {
    for (const variable of [first, second]) {
      if (variable?.kind === 'identifier') continue;
      return { at: variable!.at, message: 'argument must be a simple name' };
    }
    const names = [first, second].map((each) => (each as { readonly name: string }).name);
    if (names[0] === names[1]) {
      return { at: second!.at, message: `duplicate variable name: ${names[0]}` };
    }
    return loopOver(target!, names, fold({ at, args, variable: names[0]! }), at);
  };
}

function loopOver(
  range: Expression,
  [variable = '', secondVariable]: readonly string[],
  fold: Fold,
  at: number,
): Comprehension {
  const accumulator = accumulatorName;
  return { kind: 'comprehension', range, variable, secondVariable, accumulator, ...fold, at };
}

const literal = (value: boolean | bigint, at: number): Expression => ({
  kind: 'literal',
  value,
  at,
});
const accumulated = (at: number): Expression => ({ kind: 'identifier', name: accumulatorName, at });
const call = (name: string, at: number, ...args: Expression[]): Expression => ({
  kind: 'call',
  name,
  target: undefined,
  args,
  at,
});

function all({ at, args: [predicate] }: Loop): Fold {
  return {
    initial: literal(true, at),
    condition: call('@not_strictly_false', at, accumulated(at)),
    step: call('_&&_', at, accumulated(at), predicate!),
    result: accumulated(at),
  };
}

function exists({ at, args: [predicate] }: Loop): Fold {
  return {
    initial: literal(false, at),
    condition: call('@not_strictly_false', at, call('!_', at, accumulated(at))),
    step: call('_||_', at, accumulated(at), predicate!),
    result: accumulated(at),
  };
}

function existsOne({ at, args: [predicate] }: Loop): Fold {
  const more = call('_+_', at, accumulated(at), literal(1n, at));
  return {
    initial: literal(0n, at),
    condition: literal(true, at),
    step: call('_?_:_', at, predicate!, more, accumulated(at)),
    result: call('_==_', at, accumulated(at), literal(1n, at)),
  };
}

const listOf = (at: number, ...elements: Expression[]): Expression => ({
  kind: 'list',
  elements,
  optional: new Set(),
  at,
});

function filter({ at, args: [predicate], variable }: Loop): Fold {
  const item: Expression = { kind: 'identifier', name: variable, at };
  return collecting(at, listOf(at), call('_+_', at, accumulated(at), listOf(at, item)), predicate);
}

function map({ at, args }: Loop): Fold {
  const [predicate, transformed] = args.length === 2 ? args : [undefined, args[0]];
  const more = call('_+_', at, accumulated(at), listOf(at, transformed!));
  return collecting(at, listOf(at), more, predicate);
}

function transformMap({ at, args, variable }: Loop): Fold {
  const [predicate, value] = args.length === 2 ? args : [undefined, args[0]];
  const key: Expression = { kind: 'identifier', name: variable, at };
  const more = call('cel.@mapInsert', at, accumulated(at), key, value!);
  return collecting(at, { kind: 'map', entries: [], at }, more, predicate);
}

function transformMapEntry({ at, args }: Loop): Fold {
  const [predicate, entry] = args.length === 2 ? args : [undefined, args[0]];
  const more = call('cel.@mapInsert', at, accumulated(at), entry!);
  return collecting(at, { kind: 'map', entries: [], at }, more, predicate);
}

function collecting(
  at: number,
  initial: Expression,
  more: Expression,
  predicate: Expression | undefined,
): Fold {
  return {
    initial,
    condition: literal(true, at),
    step: predicate ? call('_?_:_', at, predicate, more, accumulated(at)) : more,
    result: accumulated(at),
  };
}

/** `cel.bind(name, value, expression)`: a fold over nothing that begins with the value. */
function bind({ target, args: [variable, value, result], at }: MacroCall): ReturnType<Expander> {
  if (target?.kind !== 'identifier' || target.name !== 'cel') return undefined;
  if (variable?.kind !== 'identifier') {
    return { at: variable!.at, message: 'cel.bind() variable names must be simple identifiers' };
  }
  return binding(variable.name, value!, result!, at);
}

function binding(name: string, value: Expression, result: Expression, at: number): Comprehension {
  return {
    kind: 'comprehension',
    range: listOf(at),
    variable: '#unused',
    secondVariable: undefined,
    accumulator: name,
    initial: value,
    condition: literal(false, at),
    step: { kind: 'identifier', name, at },
    result,
    at,
  };
}

const member = (name: string, at: number, target: Expression): Expression => ({
  kind: 'call',
  name,
  target,
  args: [],
  at,
});

function optionalMap(wraps: boolean): Expander {
  const name = wraps ? 'optMap' : 'optFlatMap';
  return ({ target, args: [variable, transform], at }) => {
    if (variable?.kind !== 'identifier') {
      return { at: variable!.at, message: `${name}() variable name must be a simple identifier` };
    }
    const value = binding(variable.name, member('value', at, target!), transform!, at);
    const some = wraps ? call('optional.of', at, value) : value;
    return call('_?_:_', at, member('hasValue', at, target!), some, call('optional.none', at));
  };
}

/** The list sorted by what the expression gives for each item. */
function sortBy({ target, args: [variable, key], at }: MacroCall): ReturnType<Expander> {
  if (variable?.kind !== 'identifier') {
    return {
      at: variable!.at,
      message: 'sortBy can only be applied to a list, identifier, or map',
    };
  }
  const name = '@__sortBy_input__';
  const input: Expression = { kind: 'identifier', name, at };
  const keys = loopOver(
    input,
    [variable.name],
    map({ at, args: [key!], variable: variable.name }),
    at,
  );
  const sorted: Expression = {
    kind: 'call',
    name: '@sortByAssociatedKeys',
    target: input,
    args: [keys],
    at,
  };
  return binding(name, target!, sorted, at);
}
