import { leaf, withSelf, type FieldSet } from '#shared/kube/managed-fields/field-set.ts';
import {
  describeElement,
  itemElement,
  UnaddressableItem,
} from '#shared/kube/managed-fields/path-element.ts';
import {
  isDeclared,
  isHollow,
  isRecord,
  memberElement,
  memberSchema,
  shapeOf,
  type JsonObject,
} from '#shared/kube/managed-fields/values.ts';
import { goFormat } from '#shared/kube/patch/json.ts';
import type { ListSchema, ScalarType, Schema } from '#shared/kube/schema.ts';

/**
 * The fields that an applied configuration speaks of: leaves, keys of maps and items of lists. An
 * object or list in a declared member is not a field itself, unless it is `{}` or null.
 */
export function fieldsIn(schema: Schema, value: unknown): FieldSet | undefined {
  const shape = shapeOf(schema, value);
  if (shape === 'leaf') return schema.kind === 'any' && value === null ? undefined : leaf;
  if (shape === 'members') return isRecord(value) ? fieldsInObject(schema, value) : undefined;
  return Array.isArray(value) ? fieldsInList(schema as ListSchema, value) : undefined;
}

function fieldsInObject(schema: Schema, value: JsonObject): FieldSet | undefined {
  let set: Record<string, FieldSet> | undefined;
  for (const name in value) {
    const member = value[name];
    const inner = memberSchema(schema, name);
    if (!inner || member === undefined) continue;
    const fields = fieldsIn(inner, member);
    const isField =
      !isDeclared(schema, name) || member === null || (isRecord(member) && isHollow(member));
    const node = isField ? withSelf(fields === leaf ? undefined : fields) : fields;
    if (node) (set ??= {})[memberElement(schema, name)] = node;
  }
  return set;
}

function fieldsInList(schema: ListSchema, list: readonly unknown[]): FieldSet | undefined {
  let set: Record<string, FieldSet> | undefined;
  for (const item of list) {
    const element = itemElement(schema, item);
    const isDuplicate = set?.[element] !== undefined;
    const fields = isDuplicate ? undefined : fieldsIn(schema.items, item);
    (set ??= {})[element] = withSelf(fields === leaf ? undefined : fields);
  }
  return set;
}

interface Complaint {
  readonly path: string;
  readonly message: string;
}

/** What is wrong with an applied configuration, in one text; nothing when it fits the schema. */
export function complaintsAbout(schema: Schema, value: unknown): string | undefined {
  const complaints = validate(schema, value);
  if (complaints.length === 0) return undefined;
  const lines = complaints.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  return lines.length === 1
    ? lines[0]
    : ['errors:', ...lines.map((line) => `  ${line}`)].join('\n');
}

function validate(schema: Schema, value: unknown): Complaint[] {
  if (value === null || value === undefined) return [];
  if (schema.kind === 'any') return [];
  if (schema.kind === 'scalar') return validateScalar(schema.type, value);
  if (schema.kind === 'list') {
    return Array.isArray(value)
      ? validateList(schema, value)
      : [{ path: '', message: `expected list, got ${goPointer(value)}` }];
  }
  return isRecord(value)
    ? validateObject(schema, value)
    : [{ path: '', message: `expected map, got ${goPointer(value)}` }];
}

function validateObject(schema: Schema, value: JsonObject): Complaint[] {
  const complaints: Complaint[] = [];
  for (const [name, member] of Object.entries(value)) {
    const inner = memberSchema(schema, name);
    if (!inner) {
      complaints.push({ path: `.${name}`, message: 'field not declared in schema' });
      break; // upstream looks no further in this object
    }
    complaints.push(...below(`.${name}`, validate(inner, member)));
  }
  return complaints;
}

function validateList(schema: ListSchema, list: readonly unknown[]): Complaint[] {
  const complaints: Complaint[] = [];
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    let place = `[${index}]`;
    if (schema.listType !== 'atomic') {
      let element: string;
      try {
        element = itemElement(schema, item);
      } catch (error) {
        if (!(error instanceof UnaddressableItem)) throw error;
        complaints.push({ path: '', message: `element ${index}: ${error.message}` });
        break; // upstream looks no further in this list
      }
      place = describeElement(element);
      if (seen.has(element)) {
        complaints.push({ path: '', message: `duplicate entries for key ${place}` });
      }
      seen.add(element);
    }
    complaints.push(...below(place, validate(schema.items, item)));
  }
  return complaints;
}

function below(prefix: string, complaints: Complaint[]): Complaint[] {
  return complaints.map(({ path, message }) => ({ path: prefix + path, message }));
}

const untyped: ReadonlySet<ScalarType> = new Set(['quantity', 'intOrString', 'time', 'microTime']);

function validateScalar(type: ScalarType, value: unknown): Complaint[] {
  if (type === 'raw') return [];
  const isScalar = typeof value !== 'object';
  if (untyped.has(type)) {
    return isScalar ? [] : [{ path: '', message: `expected any scalar, got ${goPointer(value)}` }];
  }
  if (type === 'bool') {
    if (typeof value === 'boolean') return [];
    return [{ path: '', message: `expected boolean, got ${goPointer(value)}` }];
  }
  if (type === 'int32' || type === 'int64' || type === 'float64') {
    if (typeof value === 'number') return [];
    return [{ path: '', message: `expected numeric (int or float), got ${goTypeName(value)}` }];
  }
  if (typeof value === 'string') return [];
  return [
    {
      path: '',
      message: `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`,
    },
  ];
}

/** As Go prints the wrapper that upstream keeps values in. */
function goPointer(value: unknown): string {
  return `&{${goFormat(value)}}`;
}

function goTypeName(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** As Go's `%#v` prints a value. */
function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (!isRecord(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${goSyntax(value[name])}`);
  return `map[string]interface {}{${members.join(', ')}}`;
}
