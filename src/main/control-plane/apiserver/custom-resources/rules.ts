import { compileRules, type CompiledRule } from '#shared/api/apiextensions/rules/rule-programs.ts';
import { schemaTypeOf, type SchemaType } from '#shared/api/apiextensions/rules/schema-types.ts';
import { celValueIn } from '#shared/api/apiextensions/rules/schema-values.ts';
import type { JSONSchemaProps } from '#shared/api/types/apiextensions-v1.ts';
import { perCallLimit, type Program } from '#shared/cel/environment.ts';
import { CostLimitError } from '#shared/cel/evaluator.ts';
import { CelError, CelOptional, none, type CelValue } from '#shared/cel/values.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { CauseType, FieldError } from '#shared/kube/errors.ts';
import {
  duplicateValue,
  forbiddenValue,
  invalidUnshown,
  invalidValue,
  required,
} from '#shared/kube/field-error.ts';

type Json = Readonly<Record<string, unknown>>;

/** Upstream's limit for all rules of one object. */
const costOfAll = 10_000_000;
const longestMessage = 5 * 1024;
const outOfBudget =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/** What is wrong so badly that rules cannot be trusted to make sense of it. */
const blocking = new Set<CauseType>([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** Checks objects by the `x-kubernetes-validations` of their schema, as upstream's validator does. */
export interface RuleValidator {
  /** `wrong` is what the schema itself found. */
  validate(object: unknown, old: unknown, wrong: readonly FieldError[]): readonly FieldError[];
}

/** Nothing for a schema without rules. */
export function ruleValidator(schema: JSONSchemaProps): RuleValidator | undefined {
  const root = nodeOf(schema, true);
  if (!root) return undefined;
  return {
    validate(object, old, wrong) {
      if (wrong.some(({ type }) => blocking.has(type))) {
        return [
          invalidValue(
            '<nil>',
            undefined,
            'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
          ),
        ];
      }
      const run = new Run();
      run.node(root, { path: '', value: object, old, isParentSame: false });
      return run.errors;
    },
  };
}

/** A part of the schema below which there are rules. */
interface Node {
  readonly schema: JSONSchemaProps;
  readonly schemaType: SchemaType | undefined;
  /** Compiled when the first object is checked. */
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, Node>;
  readonly additional: Node | undefined;
  readonly items: Node | undefined;
}

function nodeOf(schema: JSONSchemaProps, isRoot = false): Node | undefined {
  const properties = new Map<string, Node>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const node = nodeOf(property);
    if (node) properties.set(name, node);
  }
  const { additionalProperties, items } = schema;
  const additional =
    typeof additionalProperties === 'object' ? nodeOf(additionalProperties) : undefined;
  const ofItems = items && !Array.isArray(items) ? nodeOf(items as JSONSchemaProps) : undefined;
  const own = [schema, ...(schema.allOf ?? [])].flatMap(
    (each) => each['x-kubernetes-validations'] ?? [],
  );
  if (own.length === 0 && properties.size === 0 && !additional && !ofItems) return undefined;
  let compiled: readonly CompiledRule[] | undefined;
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  const schemaType = own.length > 0 ? schemaTypeOf(schema, isResource) : undefined;
  return {
    schema,
    schemaType,
    get rules() {
      if (!schemaType) return [];
      return (compiled ??= compileRules(
        { ...schema, 'x-kubernetes-validations': own },
        schemaType,
      ));
    },
    properties,
    additional,
    items: ofItems,
  };
}

interface Place {
  readonly path: string;
  readonly value: unknown;
  /** Its counterpart in the object as it was; undefined where there is none. */
  readonly old: unknown;
  /** What holds this has not changed, and this has no counterpart of its own. */
  readonly isParentSame: boolean;
}

class Run {
  readonly errors: FieldError[] = [];
  #left = costOfAll;

  /** False once no more rules are to be run. */
  node(node: Node, place: Place): boolean {
    const { value, old } = place;
    if (value === null || value === undefined) return true;
    if (!this.#own(node, place)) return false;
    const isSame = old === undefined ? place.isParentSame : semanticEqual(value, old);
    if (Array.isArray(value)) return this.#items(node, value, { ...place, isParentSame: isSame });
    if (typeof value !== 'object') return true;
    return this.#members(node, value as Json, { ...place, isParentSame: isSame });
  }

  #items(node: Node, value: readonly unknown[], place: Place): boolean {
    const { items, schema } = node;
    if (!items) return true;
    return value.every((item, index) =>
      this.node(items, {
        path: `${place.path}[${index}]`,
        value: item,
        old: counterpart(schema, item, place.old),
        isParentSame: place.isParentSame,
      }),
    );
  }

  #members(node: Node, value: Json, { path, old, isParentSame }: Place): boolean {
    const before = isJson(old) ? old : {};
    return Object.entries(value).every(([name, member]) => {
      const property = node.properties.get(name);
      const child = property ?? (node.schema.properties?.[name] ? undefined : node.additional);
      if (!child) return true;
      const below = property ? joined(path, name) : `${path}[${name}]`;
      return this.node(child, { path: below, value: member, old: before[name], isParentSame });
    });
  }

  #own(node: Node, place: Place): boolean {
    if (!node.schemaType) return true;
    const { schemaType, schema } = node;
    const { old } = place;
    const path = place.path || '<nil>';
    const type = schema.type ?? '';
    const self = celValueIn(schemaType, place.value);
    const oldSelf = old === undefined || old === null ? undefined : celValueIn(schemaType, old);
    for (const compiled of node.rules) {
      if (this.#left <= 0) return this.#end(invalidValue(path, type, outOfBudget));
      const { rule, condition, usesOldSelf } = compiled;
      if ('problem' in condition) {
        this.errors.push(invalidValue(path, type, `rule compile error: ${condition.problem}`));
        continue;
      }
      if (usesOldSelf && oldSelf === undefined && !rule.optionalOldSelf) continue;
      const variables = (name: string): CelValue | undefined => {
        if (name === 'self') return self;
        if (name !== 'oldSelf') return undefined;
        if (!rule.optionalOldSelf) return oldSelf;
        return oldSelf === undefined ? none : new CelOptional(oldSelf);
      };
      const result = this.#evaluate(condition.program, variables);
      if (this.#left < 0) return this.#end(invalidValue(path, type, outOfBudget));
      if (result instanceof CelError) {
        this.errors.push(invalidValue(path, type, evaluationProblem(result, rule.rule)));
        if (result instanceof CostLimitError) return false;
      } else if (result !== true && !this.#refuse(compiled, node, { ...place, path }, variables)) {
        return false;
      }
    }
    return true;
  }

  #end(error: FieldError): false {
    this.errors.push(error);
    return false;
  }

  #evaluate(
    program: Program,
    variables: (name: string) => CelValue | undefined,
  ): CelValue | CelError {
    const spending = { cost: 0, limit: perCallLimit };
    try {
      return program.evaluate(variables, spending);
    } catch (error) {
      if (error instanceof CelError) return error;
      throw error;
    } finally {
      this.#left -= Math.min(spending.cost, perCallLimit);
    }
  }

  /** Says why a rule does not hold, unless it was so before; false where no more rules are to be run. */
  #refuse(
    { rule, message, usesOldSelf }: CompiledRule,
    { schema }: Node,
    place: Place,
    variables: (name: string) => CelValue | undefined,
  ): boolean {
    const isUnchanged =
      place.old === undefined ? place.isParentSame : semanticEqual(place.value, place.old);
    if (!usesOldSelf && isUnchanged) return true;
    const field = rule.fieldPath ? joinedPath(place.path, rule.fieldPath, schema) : place.path;
    let detail = rule.message ? rule.message.trim() : `failed rule: ${shownRule(rule.rule)}`;
    if (message && 'program' in message) {
      const text = this.#evaluate(message.program, variables);
      const problem = this.#messageProblem(text, rule.messageExpression ?? '');
      if (problem) return this.#end(invalidValue(field, schema.type ?? '', problem));
      if (typeof text === 'string' && isUsable(text.trim())) detail = text.trim();
    }
    this.errors.push(fieldError(field, place.value, detail, rule.reason));
    return true;
  }

  #messageProblem(text: CelValue | CelError, expression: string): string | undefined {
    if (text instanceof CostLimitError) {
      return `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(expression)}`;
    }
    if (this.#left >= 0) return undefined;
    return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';
  }
}

function isUsable(text: string): boolean {
  return text.length > 0 && Buffer.byteLength(text) <= longestMessage && !text.includes('\n');
}

/** Rules are quoted as they are, without the space around them. */
function shownRule(rule: string): string {
  const text = rule.trim();
  return text || 'rule';
}

function evaluationProblem({ message }: CelError, rule: string): string {
  const shown = shownRule(rule);
  if (message.startsWith('no such overload')) {
    return `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`;
  }
  if (message.startsWith('operation cancelled: actual cost limit exceeded')) {
    return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`;
  }
  return `${message} evaluating rule: ${shown}`;
}

function fieldError(
  field: string,
  value: unknown,
  detail: string,
  reason: string | undefined,
): FieldError {
  if (reason === 'FieldValueForbidden') return forbiddenValue(field, detail);
  if (reason === 'FieldValueRequired') return required(field, detail);
  const isScalar = typeof value !== 'object' || value === null;
  if (reason === 'FieldValueDuplicate') return duplicateValue(field, isScalar ? value : undefined);
  return isScalar ? invalidValue(field, value, detail) : invalidUnshown(field, detail);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function joined(path: string, name: string): string {
  return path ? `${path}.${name}` : name;
}

/** `.a['b']` below a path; brackets that name a property are written as one. */
function joinedPath(path: string, fieldPath: string, schema: JSONSchemaProps): string {
  let current: JSONSchemaProps | undefined = schema;
  let result = '';
  for (const [, plain, quoted] of fieldPath.matchAll(/\.([^.[\]]+)|\['((?:\\.|[^'\\])*)'\]/g)) {
    const name: string = plain ?? (quoted ?? '').replaceAll(/\\(.)/g, '$1');
    const property: JSONSchemaProps | undefined = current?.properties?.[name];
    const additional: JSONSchemaProps['additionalProperties'] = current?.additionalProperties;
    result = property ? joined(result, name) : `${result}[${name}]`;
    current = property ?? (typeof additional === 'object' ? additional : undefined);
  }
  return path === '<nil>' ? result : joined(path, result);
}

/** The item with the same keys as there was; only lists of type map have counterparts. */
function counterpart(schema: JSONSchemaProps, item: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old)) return undefined;
  return (old as readonly unknown[]).find(
    (each) =>
      isJson(each) && isJson(item) && keys.every((key) => semanticEqual(each[key], item[key])),
  );
}
