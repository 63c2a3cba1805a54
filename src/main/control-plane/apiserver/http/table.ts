import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Column, type Resource } from '#shared/kube/resource.ts';
import type { ListMeta } from '#shared/kube/types/meta-v1.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  readonly metaVersion: string;
  readonly include: IncludeObject;
  /** In milliseconds, for ages. */
  readonly now: number;
  /** Watches repeat the rows, not the columns. */
  readonly withoutColumns?: boolean;
}

const nameDescription =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
const createdDescription =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata';

/** What kinds without columns of their own show. */
const plainColumns: readonly Column<KubeObject>[] = [
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: nameDescription,
    value: ({ metadata }) => metadata.name,
  },
  {
    name: 'Created At',
    type: 'date',
    description: createdDescription,
    value: ({ metadata }) => metadata.creationTimestamp,
  },
];

export function parseInclude(value: string | undefined): IncludeObject {
  if (!value) return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw new ApiError('BadRequest', `unrecognized includeObject value: ${JSON.stringify(value)}`);
}

/** What has no table convertor upstream, besides whole kinds that are answered and never stored. */
const withoutTable = new Set([
  'certificatesigningrequests/approval',
  'namespaces/finalize',
  'nodes/proxy',
  'pods/attach',
  'pods/binding',
  'pods/ephemeralcontainers',
  'pods/eviction',
  'pods/exec',
  'pods/log',
  'pods/portforward',
  'pods/proxy',
  'pods/resize',
  'resourceclaims/status',
  'serviceaccounts/token',
  'services/proxy',
]);

/** Whether an answer may be asked for as a Table. */
export function hasTable(
  { resource, cache, isCustom, rest }: ServedResource,
  subresource: string,
): boolean {
  if (subresource) return isCustom || !withoutTable.has(`${resource.plural}/${subresource}`);
  return cache !== undefined || rest.handlers?.['list'] !== undefined;
}

/** Upstream's Table: the cells that kubectl prints, computed by the server. */
export function tableOf(
  { resource }: ServedResource,
  objects: readonly KubeObject[],
  metadata: ListMeta,
  options: TableOptions,
): object {
  const columns = resource.columns ?? plainColumns;
  const { now, metaVersion, include, withoutColumns } = options;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata,
    columnDefinitions: withoutColumns ? null : columns.map(definitionOf),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.value(object, now)),
      ...(include !== 'None' && { object: rowObject(resource, object, options) }),
    })),
  };
}

function definitionOf({ name, type, format, description, priority }: Column<KubeObject>): object {
  return {
    name,
    type: type ?? 'string',
    format: format ?? '',
    description: description ?? '',
    priority: priority ?? 0,
  };
}

function rowObject(
  resource: Resource,
  object: KubeObject,
  { include, metaVersion }: TableOptions,
): object {
  if (include === 'Metadata') return metadataOf(object, metaVersion);
  return { ...object, kind: resource.kind, apiVersion: groupVersionOf(resource) };
}

export function metadataOf({ metadata }: KubeObject, metaVersion: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata };
}
