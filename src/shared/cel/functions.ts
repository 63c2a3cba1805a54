import type { SizeRange, CostRange } from '#shared/cel/cost-range.ts';
import { parseType, type CelType } from '#shared/cel/types.ts';
import type { CelValue } from '#shared/cel/values.ts';

/** What an estimate of costs knows of one argument. */
export interface EstimatedArgument {
  readonly type: CelType;
  readonly size: SizeRange;
  /** Of what it holds, where it holds anything. */
  readonly items: SizeRange;
}

export interface EstimatedCall {
  readonly cost: CostRange;
  readonly size?: SizeRange;
}

/** One way to call a function; a member's target is its first argument. */
export interface Overload {
  readonly isMember: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  /** Throws `CelError`. */
  call(...args: CelValue[]): CelValue;
  /** What a call costs; 1 unless stated. */
  cost?(args: readonly CelValue[], result: CelValue): number;
  /** What it may cost, known before; 1 unless stated. */
  estimate?(args: readonly EstimatedArgument[]): EstimatedCall;
}

/** The functions that expressions may call, by name. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

type Implementation = (...args: never[]) => CelValue;

export type CostRules = Pick<Overload, 'cost' | 'estimate'>;

/** One entry of a library: its signature, `list(T)::indexOf(T): int` for a member, and what it does. */
export type LibraryEntry = readonly [
  signature: string,
  call: Implementation,
  costs?: CostRules | undefined,
];

interface NamedOverload extends Overload {
  readonly name: string;
}

function declare([signature, call, costs = {}]: LibraryEntry): NamedOverload {
  const parts = signature.split('::');
  const target = parts.length > 1 ? parts[0] : undefined;
  const match = /^([^()]+)\((.*)\): (.+)$/.exec(parts.at(-1)!);
  if (!match) throw new Error(`"${signature}" is not a signature`);
  const [, name = '', parameters = '', result = ''] = match;
  const types = splitTypes(parameters);
  return {
    name,
    isMember: target !== undefined,
    parameters: (target ? [target, ...types] : types).map(parseType),
    result: parseType(result),
    call,
    ...costs,
  };
}

/** At commas that are not within parentheses. */
function splitTypes(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (depth === 0 && (character === ',' || character === undefined)) {
      const part = text.slice(start, index).trim();
      if (part) parts.push(part);
      start = index + 1;
    }
  }
  return parts;
}

export function functionTable(libraries: readonly (readonly LibraryEntry[])[]): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const library of libraries) {
    for (const entry of library) {
      const { name, ...overload } = declare(entry);
      const known = table.get(name);
      if (known) known.push(overload);
      else table.set(name, [overload]);
    }
  }
  return table;
}
