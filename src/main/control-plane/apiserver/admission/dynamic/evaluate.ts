import { perCallLimit, type Program } from '#shared/cel/environment.ts';
import { CelError, type CelValue } from '#shared/cel/values.ts';

/** What is left of the budget that several expressions share. */
export interface Budget {
  left: number;
}

export type Evaluated =
  | { readonly value: CelValue }
  | { readonly problem: string; readonly isFinal?: boolean };

const exceeded =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/** One expression within the budget; a problem that ends all others is `isFinal`. */
export function evaluate(
  program: Program,
  lookUp: (name: string) => CelValue | undefined,
  budget: Budget,
  source = '',
): Evaluated {
  const spending = { cost: 0, limit: perCallLimit };
  try {
    const value = program.evaluate(lookUp, spending);
    budget.left -= spending.cost;
    return budget.left < 0 ? { problem: exceeded, isFinal: true } : { value };
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    budget.left -= Math.min(spending.cost, perCallLimit);
    if (budget.left < 0) return { problem: exceeded, isFinal: true };
    return { problem: `expression '${source}' resulted in error: ${error.message}` };
  }
}
