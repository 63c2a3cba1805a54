import { sizeBelow, type SchemaType } from '#shared/api/apiextensions/rules/schema-types.ts';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';
import { CelEnvironment, type Program } from '#shared/cel/environment.ts';
import { estimateCost } from '#shared/cel/estimate.ts';
import { bool, isSameType, optionalOf, string } from '#shared/cel/types.ts';

type Rule = NonNullable<JSONSchemaProps['x-kubernetes-validations']>[number];

interface CompiledExpression {
  readonly program: Program;
  /** The most that one evaluation may cost. */
  readonly mostCost: number;
}

export type CompiledPart = CompiledExpression | { readonly problem: string };

/** One rule of a schema, compiled; what is wrong with it in upstream's words. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly condition: CompiledPart;
  readonly message: CompiledPart | undefined;
  readonly usesOldSelf: boolean;
}

/** Compiles every rule of one schema node. */
export function compileRules(schema: JSONSchemaProps, schemaType: SchemaType): CompiledRule[] {
  const { type } = schemaType;
  const plain = new CelEnvironment({ variables: { self: type, oldSelf: type } });
  const optional = new CelEnvironment({ variables: { self: type, oldSelf: optionalOf(type) } });
  return (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => rule?.trim())
    .map((rule) => compileRule(rule, rule.optionalOldSelf ? optional : plain, schemaType));
}

function compileRule(
  rule: Rule,
  environment: CelEnvironment,
  schemaType: SchemaType,
): CompiledRule {
  const condition = compilePart(rule.rule, environment, schemaType, {
    type: bool,
    compilation: 'compilation failed: ',
    wrongType: 'cel expression must evaluate to a bool',
  });
  const message = rule.messageExpression?.trim()
    ? compilePart(rule.messageExpression, environment, schemaType, {
        type: string,
        compilation: 'messageExpression compilation failed: ',
        wrongType: 'messageExpression must evaluate to a string',
      })
    : undefined;
  const usesOldSelf = 'program' in condition && namesOldSelf(condition.program);
  return { rule, condition, message: 'program' in condition ? message : undefined, usesOldSelf };
}

interface Wanted {
  readonly type: Program['type'];
  readonly compilation: string;
  readonly wrongType: string;
}

function compilePart(
  source: string,
  environment: CelEnvironment,
  schemaType: SchemaType,
  { type, compilation, wrongType }: Wanted,
): CompiledPart {
  const compiled = environment.compile(source);
  if ('issues' in compiled) return { problem: compilation + compiled.issues };
  const { program } = compiled;
  if (!isSameType(program.type, type)) return { problem: wrongType };
  return { program, mostCost: estimateCost(program, sizeBelow(schemaType)).max };
}

function namesOldSelf({ checked }: Program): boolean {
  for (const expression of checked.types.keys()) {
    if (expression.kind === 'identifier' && expression.name === 'oldSelf') return true;
  }
  return false;
}
