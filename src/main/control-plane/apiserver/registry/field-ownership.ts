import type { ResourceRequest } from '#main/control-plane/apiserver/request/resource-request.ts';
import type { WriteOptions } from '#main/control-plane/apiserver/request/write-options.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

export interface OwnershipContext {
  readonly request: ResourceRequest;
  readonly options: WriteOptions;
}

/** Who owns which field: `metadata.managedFields` of every write. */
export interface FieldOwnership {
  /** Gives the fields that `draft` changes in `live` to the request's manager, in `draft`. */
  recordUpdate(
    context: OwnershipContext,
    draft: Draft<KubeObject>,
    live: KubeObject | undefined,
  ): void;
  /** Merges the request's configuration into `live`; throws `Conflict` for fields that others own. */
  apply(context: OwnershipContext, live: KubeObject | undefined): Draft<KubeObject>;
}
