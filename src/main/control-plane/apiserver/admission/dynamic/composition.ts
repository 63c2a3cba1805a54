import type { CelBindings } from '#main/control-plane/apiserver/admission/dynamic/bindings.ts';
import type { Budget } from '#main/control-plane/apiserver/admission/dynamic/evaluate.ts';
import type { Variable } from '#shared/api/types/admissionregistration-v1.ts';
import { compileAdmission } from '#shared/cel/admission/environment.ts';
import { perCallLimit, type Program } from '#shared/cel/environment.ts';
import { dyn, type CelType } from '#shared/cel/types.ts';
import { CelError, type CelMap, type CelValue } from '#shared/cel/values.ts';

type Compiled = { readonly program: Program } | { readonly problem: string };

/** A policy's variables, compiled in their order: each may name those before it. */
export interface CompiledVariables {
  readonly types: ReadonlyMap<string, CelType>;
  readonly programs: ReadonlyMap<string, Compiled>;
}

export function compileVariables(
  variables: readonly Variable[] | undefined,
  scope: { readonly hasParams: boolean; readonly hasPatchTypes?: boolean },
): CompiledVariables {
  const types = new Map<string, CelType>();
  const programs = new Map<string, Compiled>();
  for (const { name, expression } of variables ?? []) {
    const known = new Map(types);
    const compiled = compileAdmission(
      expression,
      { ...scope, hasAuthorizer: true, variables: known },
      [],
    );
    programs.set(name, compiled);
    types.set(name, 'program' in compiled ? compiled.program.type : dyn);
  }
  return { types, programs };
}

/** The bindings with `variables`, each of which is evaluated when it is first asked for. */
export function withVariables(
  bindings: CelBindings,
  { programs }: CompiledVariables,
  budget: Budget,
): CelBindings {
  const variables = new LazyVariables(programs, budget, (name) => lookUp(name));
  const lookUp = (name: string): CelValue | undefined =>
    name === 'variables' ? variables : bindings.lookUp(name);
  return { lookUp };
}

class LazyVariables implements CelMap {
  readonly isCelMap = true;
  readonly #programs: ReadonlyMap<string, Compiled>;
  readonly #budget: Budget;
  readonly #lookUp: (name: string) => CelValue | undefined;
  readonly #known = new Map<string, CelValue | CelError>();

  constructor(
    programs: ReadonlyMap<string, Compiled>,
    budget: Budget,
    lookUp: (name: string) => CelValue | undefined,
  ) {
    this.#programs = programs;
    this.#budget = budget;
    this.#lookUp = lookUp;
  }

  get size(): number {
    return this.#programs.size;
  }

  get(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.#known.get(key) ?? this.#evaluate(key);
    if (known === undefined) return undefined;
    this.#known.set(key, known);
    if (known instanceof CelError) throw known;
    return known;
  }

  keys(): Iterable<string> {
    return this.#programs.keys();
  }

  #evaluate(name: string): CelValue | CelError | undefined {
    const compiled = this.#programs.get(name);
    if (!compiled) return undefined;
    if ('problem' in compiled) {
      return new CelError(`composited variable "${name}" fails to compile: ${compiled.problem}`);
    }
    const spending = { cost: 0, limit: perCallLimit };
    try {
      return compiled.program.evaluate(this.#lookUp, spending);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      return new CelError(`composited variable "${name}" fails to evaluate: ${error.message}`);
    } finally {
      this.#budget.left -= Math.min(spending.cost, perCallLimit);
    }
  }
}
