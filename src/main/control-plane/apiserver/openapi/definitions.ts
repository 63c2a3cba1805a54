import {
  type FieldData,
  type Member,
  membersOf,
  openApiName,
  type TypeData,
  typeData,
} from '#shared/api/schema/type-data.ts';

export type OpenApiVersion = 2 | 3;

/** A JSON object of an OpenAPI document, its keys sorted as Go writes them. */
export type Json = Readonly<Record<string, unknown>>;

/** Upstream's sentences, made by the build from client-node; the documents do without where absent. */
export interface Descriptions {
  readonly types: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly parameters: Readonly<Record<string, string>>;
}

export const noDescriptions: Descriptions = { types: {}, parameters: {} };

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Names of the definitions that are no Go structs. */
const scalarRefs: Readonly<Record<string, string>> = {
  quantity: 'io.k8s.apimachinery.pkg.api.resource.Quantity',
  intOrString: 'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  time: `${meta}.Time`,
  microTime: `${meta}.MicroTime`,
  rawExtension: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
  fieldsV1: `${meta}.FieldsV1`,
  json: `${apiextensions}.JSON`,
};

const patchDefinition = `${meta}.Patch`;
const versionDefinition = 'io.k8s.apimachinery.pkg.version.Info';

/** Writes the definitions of one dialect and finds out which others each needs. */
export class Definitions {
  readonly version: OpenApiVersion;
  readonly #descriptions: Descriptions;
  readonly #groupVersions: readonly string[];
  readonly #prefix: string;
  readonly #found = new Map<string, Json>();

  /** `groupVersions` are those whose requests may carry the kinds that every group has. */
  constructor(
    version: OpenApiVersion,
    descriptions: Descriptions,
    groupVersions: readonly string[] = [],
  ) {
    this.version = version;
    this.#descriptions = descriptions;
    this.#groupVersions = groupVersions;
    this.#prefix = version === 2 ? '#/definitions/' : '#/components/schemas/';
  }

  /** `{ $ref }` to a type; its definition and all that it needs come into the document. */
  ref(typeName: string): Json {
    return this.refTo(openApiName(typeName), () => this.#structOf(typeName));
  }

  /** The same for a name that is no type of ours, such as a CRD's kind. */
  refTo(name: string, define: () => Json): Json {
    if (!this.#found.has(name)) {
      this.#found.set(name, {});
      this.#found.set(name, define());
    }
    return { $ref: this.#prefix + name };
  }

  /** A reference with something beside it, which v3 does not allow plainly. */
  refBeside(typeName: string, around: Json): Json {
    return this.#joined(this.ref(typeName), around);
  }

  /** Upstream's sentence on a member of a type. */
  text(typeName: string, member: string): string | undefined {
    return this.#descriptions.types[typeName]?.[member];
  }

  patch(): Json {
    return this.refTo(patchDefinition, () => ({
      ...described('The body of a PATCH; its content type says which kind of patch it is.'),
      type: 'object',
    }));
  }

  versionInfo(): Json {
    const property = { ...(this.version === 3 && { default: '' }), type: 'string' };
    return this.refTo(versionDefinition, () => ({
      ...described('What the server is built from.'),
      properties: Object.fromEntries(
        [
          'buildDate',
          'compiler',
          'emulationMajor',
          'emulationMinor',
          'gitCommit',
          'gitTreeState',
          'gitVersion',
          'goVersion',
          'major',
          'minCompatibilityMajor',
          'minCompatibilityMinor',
          'minor',
          'platform',
        ].map((name) => [
          name,
          /^(?:emulation|min)/.test(name) && name !== 'minor' ? { type: 'string' } : property,
        ]),
      ),
      required: [
        'major',
        'minor',
        'gitVersion',
        'gitCommit',
        'gitTreeState',
        'buildDate',
        'goVersion',
        'compiler',
        'platform',
      ],
      type: 'object',
    }));
  }

  /** All that were asked for, by name in order. */
  all(): Record<string, Json> {
    return Object.fromEntries([...this.#found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  #structOf(typeName: string): Json {
    const type = typeData(typeName);
    const texts = this.#descriptions.types[typeName] ?? {};
    if (type.jsonUnion) return described(texts[''] ?? 'A schema, or what may stand in its place.');
    const members = membersOf(typeName);
    const required = members.filter(({ data }) => data.r === 1).map(({ name }) => name);
    return {
      ...described(texts['']),
      ...(members.length > 0 && { properties: this.#propertiesOf(members, texts) }),
      ...(required.length > 0 && { required }),
      type: 'object',
      ...(type.gvk && {
        'x-kubernetes-group-version-kind': this.#kindsOf(typeName, type.gvk).map(groupVersionKind),
      }),
      ...(type.st && { 'x-kubernetes-map-type': type.st }),
      ...(type.union && { 'x-kubernetes-unions': unionsOf(type) }),
    };
  }

  #kindsOf(typeName: string, gvk: readonly string[]): readonly string[] {
    if (typeName !== 'meta.v1.DeleteOptions' && typeName !== 'meta.v1.WatchEvent') return gvk;
    const kind = typeName.slice('meta.v1.'.length);
    return [...new Set([...gvk, ...this.#groupVersions.map((version) => `${version}/${kind}`)])];
  }

  #propertiesOf(members: readonly Member[], texts: Readonly<Record<string, string>>): Json {
    return Object.fromEntries(
      members
        .map(({ name, data }) => [name, this.#property(data, texts[name])] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  #property(data: FieldData, description: string | undefined): Json {
    const { t, d, e, fmt } = data;
    const schema = this.#wire(t, e, data.id);
    const isV3 = this.version === 3;
    const isList = t.startsWith('list:') || t.startsWith('map:');
    const around = {
      ...described(description),
      ...(isV3 && d !== undefined && { default: d }),
      ...(e && !isList && { enum: e }),
      ...(fmt && !isList && { format: fmt }),
      ...(data.lk && { 'x-kubernetes-list-map-keys': data.lk }),
      ...(data.lt && { 'x-kubernetes-list-type': data.lt }),
      ...(data.mt && { 'x-kubernetes-map-type': data.mt }),
      ...(data.pmk && { 'x-kubernetes-patch-merge-key': data.pmk }),
      ...(data.ps && { 'x-kubernetes-patch-strategy': data.ps }),
    };
    return this.#joined(schema, around);
  }

  /** In v3 nothing may stand beside `$ref`. */
  #joined(schema: Json, around: Json): Json {
    if (this.version === 3 && '$ref' in schema && Object.keys(around).length > 0)
      return sortedKeys({ allOf: [schema], ...around });
    return sortedKeys({ ...schema, ...around });
  }

  #wire(wire: string, values: readonly string[] | undefined, itemDefault: unknown): Json {
    if (wire.startsWith('list:')) return this.#list(wire.slice(5), values, itemDefault);
    if (wire.startsWith('map:'))
      return { additionalProperties: this.#item(wire.slice(4), undefined), type: 'object' };
    if (wire.startsWith('ref:')) {
      const typeName = wire.slice(4);
      const { list } = typeData(typeName);
      return list === undefined ? this.ref(typeName) : this.#list(list, undefined, undefined);
    }
    const name = scalarRefs[wire];
    if (name === undefined) return plainScalars[wire] ?? { type: 'object' };
    return this.refTo(name, () => scalarDefinition(wire, this.version));
  }

  #list(wire: string, values: readonly string[] | undefined, itemDefault: unknown): Json {
    const items = sortedKeys({
      ...this.#item(wire, itemDefault),
      ...(values && { enum: values }),
    });
    return { items, type: 'array' };
  }

  /** Items and map values have Go's zero for a default, unless they are scalars of a name of their own. */
  #item(wire: string, itemDefault: unknown): Json {
    const schema = this.#wire(wire, undefined, undefined);
    if (this.version === 2) return schema;
    const zero = itemDefault ?? zeroOf(wire);
    return zero === undefined ? schema : this.#joined(schema, { default: zero });
  }
}

function zeroOf(wire: string): unknown {
  if (wire === 'string') return '';
  if (!wire.startsWith('ref:')) return undefined;
  const type = typeData(wire.slice(4));
  return type.f && !type.jsonUnion ? {} : undefined;
}

const plainScalars: Readonly<Record<string, Json>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { format: 'int32', type: 'integer' },
  int64: { format: 'int64', type: 'integer' },
  float64: { format: 'double', type: 'number' },
  bytes: { format: 'byte', type: 'string' },
};

const scalarTexts: Readonly<Record<string, string>> = {
  quantity:
    'A fixed-point number: digits, perhaps with a fraction, and a suffix. Decimal suffixes are n, u, m, k, M, G, T, P and E, binary ones Ki, Mi, Gi, Ti, Pi and Ei; an exponent such as e3 does too. It is served in its canonical form.',
  intOrString:
    'A number or a string, such as a port by number or by name, or a count or a percentage.',
  time: 'A moment in RFC 3339, in UTC to the second.',
  microTime: 'A moment in RFC 3339, in UTC to the microsecond.',
  rawExtension: 'Any object; the server keeps it as it is.',
  fieldsV1: 'A set of fields, as a trie in JSON.',
  json: 'Any JSON value.',
};

function scalarDefinition(wire: string, version: OpenApiVersion): Json {
  const description = scalarTexts[wire];
  if (wire === 'json') return { description };
  if (wire === 'rawExtension' || wire === 'fieldsV1') return { description, type: 'object' };
  if (wire === 'quantity')
    return version === 2
      ? { description, type: 'string' }
      : { description, oneOf: [{ type: 'string' }, { type: 'number' }] };
  if (wire === 'intOrString')
    return version === 2
      ? { description, format: 'int-or-string', type: 'string' }
      : { description, format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
  return { description, format: 'date-time', type: 'string' };
}

function described(description: string | undefined): { readonly description?: string } {
  return description ? { description } : {};
}

/** `apps/v1/Deployment` as the extension has it. */
export function groupVersionKind(gvk: string): Json {
  const [kind = '', version = '', group = ''] = gvk.split('/').reverse();
  return { group, kind, version };
}

function unionsOf({ union = [] }: TypeData): readonly Json[] {
  return union.map(({ on, of }) => ({
    ...(on !== undefined && { discriminator: on }),
    'fields-to-discriminateBy': Object.fromEntries(
      of.map((name) => [name, name.charAt(0).toUpperCase() + name.slice(1)]),
    ),
  }));
}

function sortedKeys(object: Json): Json {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(object).sort()) result[key] = object[key];
  return result;
}
