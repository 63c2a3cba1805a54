import type { CelBindings } from '#main/control-plane/apiserver/admission/dynamic/bindings.ts';
import { evaluate } from '#main/control-plane/apiserver/admission/dynamic/evaluate.ts';
import type { MatchCondition } from '#shared/api/types/admissionregistration-v1.ts';
import { compileAdmission } from '#shared/cel/admission/environment.ts';
import type { Program } from '#shared/cel/environment.ts';
import { bool } from '#shared/cel/types.ts';

/** Upstream's limit for the conditions of one webhook or binding. */
const budget = 2_500_000;

export interface CompiledConditions {
  readonly conditions: readonly (
    | { readonly name: string; readonly expression: string; readonly program: Program }
    | { readonly name: string; readonly problem: string }
  )[];
}

export function compileConditions(
  conditions: readonly MatchCondition[] | undefined,
  hasParams: boolean,
): CompiledConditions {
  return {
    conditions: (conditions ?? []).map(({ name, expression }) => ({
      name,
      expression,
      ...compileAdmission(expression, { hasParams, hasAuthorizer: true }, [bool]),
    })),
  };
}

/** False if one does not hold; else what could not be evaluated, if anything, in upstream's words. */
export function checkConditions(
  { conditions }: CompiledConditions,
  bindings: CelBindings,
): boolean | { readonly problem: string } {
  const errors: string[] = [];
  const spent = { left: budget };
  for (const condition of conditions) {
    if ('problem' in condition) {
      errors.push(`compilation error: ${condition.problem}`);
      continue;
    }
    const result = evaluate(condition.program, bindings.lookUp, spent, condition.expression);
    if ('problem' in result) errors.push(result.problem);
    else if (result.value === false) return false;
  }
  if (errors.length === 0) return true;
  return { problem: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` };
}
