/**
 * The shape of a type as far as decoding, merging and field ownership need it. Built-in kinds get
 * theirs from the observed data in `shared/api/schema`, custom resources from their CRD.
 */
export type Schema =
  | ScalarSchema
  | StructSchema
  | ListSchema
  | MapSchema
  /** Anything at all, owned as a whole unless it is an object, whose members are then owned one by one. */
  | { readonly kind: 'any' };

export type ScalarType =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'quantity'
  | 'intOrString'
  | 'time'
  | 'microTime'
  | 'duration'
  /** base64 in JSON */
  | 'bytes'
  /** JSON kept as it is: RawExtension, JSON, FieldsV1 */
  | 'raw';

export interface ScalarSchema {
  readonly kind: 'scalar';
  readonly type: ScalarType;
}

export interface StructSchema {
  readonly kind: 'struct';
  /** Such as `core.v1.PodSpec`; '' for a custom resource. */
  readonly name: string;
  /** By wire name, embedded Go structs flattened, in the order of declaration. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Owned and replaced as a whole by server-side apply. */
  readonly isAtomic?: boolean;
  /** Members that no field names are kept and owned one by one (custom resources). */
  readonly preservesUnknown?: boolean;
}

export interface ListSchema {
  readonly kind: 'list';
  readonly items: Schema;
  /** `atomic` unless stated, as upstream. */
  readonly listType: 'atomic' | 'set' | 'map';
  /** With `map`; a key's default applies where an item leaves it out. */
  readonly mapKeys: readonly string[];
}

export interface MapSchema {
  readonly kind: 'map';
  readonly values: Schema;
  readonly isAtomic?: boolean;
}

export interface Field {
  readonly name: string;
  /** A getter where types recurse: read it late, keep nothing. */
  readonly schema: Schema;
  readonly isRequired: boolean;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey?: string;
}
