import type { Expression } from '#shared/cel/ast.ts';
import { check, type Checked, type Declarations } from '#shared/cel/checker.ts';
import { compileExpression, type Spending } from '#shared/cel/evaluator.ts';
import type { FunctionTable } from '#shared/cel/functions.ts';
import { kubernetesFunctions } from '#shared/cel/library/index.ts';
import { parse } from '#shared/cel/parser.ts';
import { formatIssues, type Issue } from '#shared/cel/source.ts';
import type { CelType } from '#shared/cel/types.ts';
import type { CelValue } from '#shared/cel/values.ts';

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  /** Besides those of every expression in Kubernetes. */
  readonly functions?: FunctionTable;
  structType?(name: string): CelType | undefined;
}

/** An expression that can be evaluated. */
export interface Program {
  readonly type: CelType;
  readonly expression: Expression;
  readonly checked: Checked;
  /** Throws `CelError`; what it costs is added to the spending, which may forbid it. */
  evaluate(variables: (name: string) => CelValue | undefined, spending: Spending): CelValue;
}

/** Upstream's limit for one expression. */
export const perCallLimit = 1_000_000;

export type Compiled = { readonly program: Program } | { readonly issues: string };

/** Parses and checks expressions that may name the same things. */
export class CelEnvironment {
  readonly #declarations: Declarations;

  constructor({ variables, functions, structType }: EnvironmentOptions) {
    this.#declarations = {
      variables: new Map(Object.entries(variables)),
      functions: functions ? merged(kubernetesFunctions, functions) : kubernetesFunctions,
      ...(structType && { structType }),
    };
  }

  /** What is wrong comes as cel-go prints it. */
  compile(source: string): Compiled {
    const { expression, issues } = parse(source);
    if (!expression) return { issues: formatIssues(source, issues) };
    const checked = check(expression, this.#declarations);
    if (isIssues(checked)) return { issues: formatIssues(source, checked) };
    const run = compileExpression(expression, checked, this.#declarations);
    return { program: { type: checked.type, expression, checked, evaluate: run } };
  }
}

function isIssues(checked: Checked | readonly Issue[]): checked is readonly Issue[] {
  return Array.isArray(checked);
}

function merged(left: FunctionTable, right: FunctionTable): FunctionTable {
  const all = new Map(left);
  for (const [name, overloads] of right) all.set(name, [...(all.get(name) ?? []), ...overloads]);
  return all;
}
