import {
  compileRules,
  type CompiledPart,
  type CompiledRule,
} from '#shared/api/apiextensions/rules/rule-programs.ts';
import { schemaTypeOf } from '#shared/api/apiextensions/rules/schema-types.ts';
import {
  itemsOf,
  schemaHas,
  schemaOf,
  type Schema,
} from '#shared/api/apiextensions/schema/walk.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';

/** Upstream's limits for what rules may cost: each of them, and all of a schema. */
const mostForRule = 10_000_000;
const mostForSchema = 100_000_000;
const requestBytes = 3 * 1024 * 1024;

interface Place {
  readonly isRoot: boolean;
  /** How many values there can be; nothing where nothing bounds them. */
  readonly count: number | undefined;
  /** Where values begin to have no counterpart in an older object. */
  readonly uncorrelated: string | undefined;
}

interface Total {
  /** Fields that are not as they should be. */
  readonly wrong: readonly string[];
  cost: number;
  readonly rules: { readonly field: string; readonly cost: number }[];
}

/** The rules' expressions, where nothing else is `wrong` with what they are about. */
export function* validateRules(
  schema: Schema,
  field: string,
  wrong: readonly FieldError[],
): Iterable<FieldError> {
  const total: Total = { cost: 0, rules: [], wrong: wrong.map((error) => error.field) };
  yield* validateNode(schema, field, { isRoot: true, count: 1, uncorrelated: undefined }, total);
  if (total.cost <= mostForSchema) return;
  const most = total.rules.toSorted((left, right) => right.cost - left.cost).slice(0, 4);
  for (const rule of most) {
    yield forbiddenValue(
      rule.field,
      'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
    );
  }
  const what = 'x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema';
  yield forbiddenValue(field, costProblem(what, total.cost, mostForSchema));
}

function* validateNode(
  schema: Schema,
  field: string,
  place: Place,
  total: Total,
): Iterable<FieldError> {
  if (!schemaHas(schema, (each) => each['x-kubernetes-validations'] !== undefined)) return;
  const below = { ...place, isRoot: false };
  const additional = schemaOf(schema.additionalProperties);
  if (additional) {
    const there = { ...below, count: times(place.count, schema.maxProperties) };
    yield* validateNode(additional, `${field}.additionalProperties`, there, total);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    yield* validateNode(property, `${field}.properties[${name}]`, below, total);
  }
  const items = itemsOf(schema);
  if (items) {
    const isCorrelated = schema['x-kubernetes-list-type'] === 'map';
    const there = {
      ...below,
      count: times(place.count, schema.maxItems),
      uncorrelated: place.uncorrelated ?? (isCorrelated ? undefined : field),
    };
    yield* validateNode(items, `${field}.items`, there, total);
  }
  yield* validateOwn(schema, field, place, total);
}

function times(count: number | undefined, most: number | undefined): number | undefined {
  return count === undefined || most === undefined ? undefined : count * Math.max(0, most);
}

function* validateOwn(
  schema: Schema,
  field: string,
  { isRoot, count, uncorrelated }: Place,
  total: Total,
): Iterable<FieldError> {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0 || total.wrong.some((each) => isWithin(each, field))) return;
  const schemaType = schemaTypeOf(
    schema,
    isRoot || schema['x-kubernetes-embedded-resource'] === true,
  );
  if (!schemaType) return;
  const most = count ?? Math.floor(requestBytes / (schemaType.least + 1));
  for (const compiled of compileRules(schema, schemaType)) {
    const path = `${field}.x-kubernetes-validations[${rules.indexOf(compiled.rule)}]`;
    yield* validatePart(compiled, { path, part: 'rule', most, total });
    yield* validatePart(compiled, { path, part: 'messageExpression', most: 1, total });
    yield* validateOldSelf(compiled, path, uncorrelated);
  }
}

function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}

interface PartPlace {
  readonly path: string;
  readonly part: 'rule' | 'messageExpression';
  readonly most: number;
  readonly total: Total;
}

function* validatePart(
  { rule, condition, message }: CompiledRule,
  { path, part, most, total }: PartPlace,
): Iterable<FieldError> {
  const compiled: CompiledPart | undefined = part === 'rule' ? condition : message;
  if (!compiled) return;
  const field = `${path}.${part}`;
  if ('problem' in compiled) {
    yield invalidValue(field, rule, compiled.problem);
    return;
  }
  const cost = compiled.mostCost === 0 ? 0 : compiled.mostCost * most;
  total.cost += cost;
  if (cost >= mostForSchema / 100) total.rules.push({ field, cost });
  const what = part === 'rule' ? 'estimated rule cost' : 'estimated messageExpression cost';
  if (cost > mostForRule) yield forbiddenValue(field, costProblem(what, cost, mostForRule));
}

function* validateOldSelf(
  { rule, usesOldSelf }: CompiledRule,
  path: string,
  uncorrelated: string | undefined,
): Iterable<FieldError> {
  if (usesOldSelf && uncorrelated !== undefined) {
    yield invalidValue(
      `${path}.rule`,
      rule.rule,
      `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
    );
  } else if (!usesOldSelf && rule.optionalOldSelf !== undefined) {
    yield invalidValue(
      `${path}.optionalOldSelf`,
      rule.optionalOldSelf,
      'may not be set if oldSelf is not used in rule',
    );
  }
}

function costProblem(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  let shown = `${factor.toFixed(1)}x`;
  if (factor > 100) shown = 'more than 100x';
  else if (factor < 1.5) shown = `${factor.toFixed(6)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
