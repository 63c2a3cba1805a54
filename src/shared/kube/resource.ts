import type { FieldError } from '#shared/kube/errors.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

export type Verb =
  | 'create'
  | 'delete'
  | 'deletecollection'
  | 'get'
  | 'list'
  | 'patch'
  | 'update'
  | 'watch';

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

export interface ResourceId {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

/** One column of kubectl's table; kubectl and the window read the same ones. */
export interface Column<T> {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  /** 0 is always shown, 1 only with `-o wide`. */
  readonly priority?: 0 | 1;
  readonly description?: string;
  /** `now` is in milliseconds, for ages. */
  value(object: T, now: number): string | number | boolean | null;
}

interface FieldValue<T> {
  of(object: T): string;
}

/** What the object of one subresource looks like to a client. */
export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** `group/version` of that kind where it differs from the parent's. */
  readonly groupVersion?: string;
  readonly verbs: readonly string[];
}

/**
 * Everything the API server, the client, the controllers and the window need to know about one kind.
 *
 * Functions get objects that have been decoded by the kind's schema, so members have the types that
 * they claim. `default` and the `prepare…` functions change the request's own draft in place; the
 * rest is pure. What needs state (addresses, quotas, other objects) is not here but in the server.
 */
export interface Resource<T extends KubeObject = KubeObject> extends ResourceId {
  readonly singular: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** An update without a resource version overwrites what is there; true unless stated. */
  readonly allowsUnconditionalUpdate?: boolean;
  /** All eight unless stated. */
  readonly verbs?: readonly Verb[];
  readonly subresources?: readonly Subresource[];
  /** The schema's name for the type, such as `core.v1.Pod`. */
  readonly type: string;
  /** Where values live in etcd, as upstream's; absent for kinds that are never stored. */
  readonly storage?: {
    /** Without a trailing slash: `/registry/pods`. */
    readonly prefix: string;
    /** `group/version` that stored values are in where it is not the served one. */
    readonly groupVersion?: string;
  };
  readonly lifecycle?: {
    /** `metadata.generation` is kept: 1 at creation, one more with each change of the spec. */
    readonly generation?: boolean;
    /** An immediate DELETE answers with the object instead of a Status. */
    readonly deleteReturnsObject?: boolean;
    /** What becomes of dependents when a DELETE says nothing. */
    readonly orphansByDefault?: boolean;
  };

  /** Fills in what upstream's defaulting functions fill in, pod templates included. */
  default?(draft: Draft<T>): void;
  /**
   * Drops what a creator may not set (status, …), as the strategy's PrepareForCreate. `now` is as
   * times are stored: RFC 3339, to the second.
   */
  prepareForCreate?(draft: Draft<T>, now: string): void;
  /** Restores what an update may not touch, as the strategy's PrepareForUpdate. */
  prepareForUpdate?(draft: Draft<T>, old: T): void;
  /** The same for an update of the status subresource. */
  prepareForStatusUpdate?(draft: Draft<T>, old: T, now: string): void;
  /** What is wrong beyond what the schema can say; `metadata` is checked for every kind alike. */
  validate?(object: T): Iterable<FieldError>;
  /** What is wrong with the change from `old`; `validate` is not called besides. */
  validateUpdate?(object: T, old: T): Iterable<FieldError>;
  validateStatusUpdate?(object: T, old: T): Iterable<FieldError>;
  /** How names of this kind are checked; DNS subdomain unless stated. */
  validateName?(name: string, isPrefix?: boolean): readonly string[];
  /** Where upstream's checks of metadata differ from what most kinds do. */
  readonly metadata?: {
    /** What precedes `validate`: one check as of a new object unless stated. */
    readonly onCreate?: 'checked' | 'unchecked';
    /** What precedes `validateUpdate` besides the generic check; `['update']` unless stated. */
    readonly onUpdate?: readonly ('create' | 'update')[];
    /** The same for `validateStatusUpdate`. */
    readonly onStatusUpdate?: readonly ('create' | 'update')[];
    /** Finalizers without a domain must be well-known; true unless stated. */
    readonly qualifiesFinalizers?: boolean;
  };
  /** Sentences for the `Warning` header. */
  warnings?(object: T, old?: T): Iterable<string>;
  /** Excludes `metadata.name` and `metadata.namespace`, which every kind has. */
  readonly fieldSelectors?: Readonly<Record<string, FieldValue<T>['of']>>;
  readonly columns?: readonly Column<T>[];
}

export function resource<T extends KubeObject>(definition: Resource<T>): Resource<T> {
  return Object.freeze(definition);
}

/** `v1` or `apps/v1`. */
export function groupVersionOf({ group, version }: Pick<ResourceId, 'group' | 'version'>): string {
  return group ? `${group}/${version}` : version;
}
