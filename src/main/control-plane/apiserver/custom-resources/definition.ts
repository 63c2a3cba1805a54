import { compileJsonPath } from '#main/control-plane/apiserver/custom-resources/json-path.ts';
import { ruleValidator } from '#main/control-plane/apiserver/custom-resources/rules.ts';
import { validateValue } from '#main/control-plane/apiserver/custom-resources/validate.ts';
import { since } from '#shared/api/columns.ts';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '#shared/api/types/apiextensions-v1.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { Column, Resource, Subresource } from '#shared/kube/resource.ts';

type Loose = Readonly<Record<string, unknown>>;
type LooseDraft = Record<string, unknown>;

const objectVerbs = ['get', 'patch', 'update'];

/** What a CRD's version is, in the words that built-in kinds are defined in. */
export function customResource(
  { spec }: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
): Resource {
  const { group, names, scope } = spec;
  const schema = version.schema?.openAPIV3Schema;
  const hasStatus = version.subresources?.status !== undefined;
  return {
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    ...(names.shortNames && { shortNames: names.shortNames }),
    ...(names.categories && { categories: names.categories }),
    type: '',
    allowsUnconditionalUpdate: false,
    storage: { prefix: `/registry/${group}/${names.plural}` },
    subresources: subresourcesOf(version, names.kind),
    lifecycle: { generation: true },
    ...strategyOf(hasStatus),
    ...(schema && validationOf(schema)),
    columns: columnsOf(version.additionalPrinterColumns),
    fieldSelectors: selectableFields(version),
  };
}

function subresourcesOf(
  { subresources }: CustomResourceDefinitionVersion,
  kind: string,
): Subresource[] {
  return [
    ...(subresources?.status ? [{ name: 'status', kind, verbs: objectVerbs }] : []),
    ...(subresources?.scale
      ? [{ name: 'scale', kind: 'Scale', groupVersion: 'autoscaling/v1', verbs: objectVerbs }]
      : []),
  ];
}

function strategyOf(
  hasStatus: boolean,
): Pick<Resource, 'prepareForCreate' | 'prepareForUpdate' | 'prepareForStatusUpdate'> {
  return {
    prepareForCreate(draft) {
      if (hasStatus) delete (draft as unknown as LooseDraft)['status'];
    },
    prepareForUpdate(draft, old) {
      if (hasStatus) restoreStatus(draft, old);
      const { metadata: _metadata, ...content } = draft;
      const { metadata: _oldMetadata, ...before } = old;
      if (!semanticEqual(content, before)) {
        draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
      }
    },
    prepareForStatusUpdate(draft, old) {
      const { managedFields, resourceVersion } = draft.metadata;
      const { status } = draft as unknown as LooseDraft;
      for (const key of Object.keys(draft)) delete (draft as unknown as LooseDraft)[key];
      const metadata = { ...(old.metadata as Draft<KubeObject['metadata']>), resourceVersion };
      if (managedFields) metadata.managedFields = managedFields;
      Object.assign(draft, old, { metadata });
      if (status === undefined) delete (draft as unknown as LooseDraft)['status'];
      else (draft as unknown as LooseDraft)['status'] = status;
    },
  };
}

function restoreStatus(draft: Draft<KubeObject>, old: KubeObject): void {
  const { status } = old as unknown as Loose;
  if (status === undefined) delete (draft as unknown as LooseDraft)['status'];
  else (draft as unknown as LooseDraft)['status'] = status;
}

function validationOf(
  schema: JSONSchemaProps,
): Pick<Resource, 'validate' | 'validateUpdate' | 'validateStatusUpdate'> {
  const rules = ruleValidator(schema);
  const check = (object: KubeObject): FieldError[] => {
    const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...content } = object;
    const { properties, ...rest } = schema;
    const { apiVersion: _a, kind: _k, metadata: _m, ...members } = properties ?? {};
    const required = schema.required?.filter(
      (name) => !['apiVersion', 'kind', 'metadata'].includes(name),
    );
    const own = { ...rest, properties: members, ...(required && { required }) };
    return [...validateValue(own, content, '')];
  };
  const validate = (object: KubeObject): FieldError[] => {
    const errors = check(object);
    return rules ? [...errors, ...rules.validate(object, undefined, errors)] : errors;
  };
  /** What was wrong before and has not changed may stay so. */
  const ratcheted = (object: KubeObject, old: KubeObject): FieldError[] => {
    const all = check(object);
    const before = new Set(
      all.length === 0 ? [] : check(old).map(({ field, message }) => `${field} ${message}`),
    );
    const errors = all.filter(({ field, message }) => !before.has(`${field} ${message}`));
    return rules ? [...errors, ...rules.validate(object, old, errors)] : errors;
  };
  return { validate, validateUpdate: ratcheted, validateStatusUpdate: ratcheted };
}

const ageColumn: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
};

function columnsOf(
  definitions: readonly CustomResourceColumnDefinition[] = [ageColumn],
): readonly Column<KubeObject>[] {
  const name: Column<KubeObject> = {
    name: 'Name',
    type: 'string',
    format: 'name',
    value: ({ metadata }) => metadata.name,
  };
  return [name, ...definitions.map(columnOf)];
}

function columnOf(definition: CustomResourceColumnDefinition): Column<KubeObject> {
  const { name, type, format, description, priority, jsonPath } = definition;
  const path = compileJsonPath(jsonPath);
  return {
    name,
    type: type as NonNullable<Column<KubeObject>['type']>,
    ...(format && { format }),
    description:
      description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority && { priority: priority as 1 }),
    value: (object, now) => cell(path(object)[0], type, now),
  };
}

function cell(value: unknown, type: string, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? since(value, now) : null;
    default:
      return textOf(value);
  }
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function selectableFields({
  selectableFields: fields,
}: CustomResourceDefinitionVersion): NonNullable<Resource['fieldSelectors']> {
  return Object.fromEntries(
    (fields ?? []).map(({ jsonPath }) => {
      const path = compileJsonPath(jsonPath);
      return [jsonPath.replace(/^\./, ''), (object: KubeObject) => textOf(path(object)[0])];
    }),
  );
}
