import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { DeleteOptions } from '#shared/kube/types/meta-v1.ts';

/** Ends what was reserved for a write: keeps it if it is written, else gives it back. */
export type Finish = (isWritten: boolean) => Promise<void> | void;

export interface WriteContext {
  readonly core: Core;
  readonly request: ResourceRequest;
}

type Handler = (request: ResourceRequest, core: Core) => Promise<ResourceResponse>;

/** What one kind needs beyond its definition: whatever has to know more than the object itself. */
export interface KindRest {
  /** Allocates what the object needs, before it is validated. */
  beginCreate?(context: WriteContext, draft: Draft<KubeObject>): Promise<Finish | undefined>;
  beginUpdate?(
    context: WriteContext,
    draft: Draft<KubeObject>,
    old: KubeObject,
  ): Promise<Finish | undefined>;
  /** Frees what belonged to an object that is gone. */
  afterDelete?(core: Core, object: KubeObject): Promise<void> | void;
  /** A further condition for an object without finalizers to end at last. */
  endsWith?(object: KubeObject): boolean;
  /** PUT creates what is not there. */
  readonly allowsCreateOnUpdate?: boolean;
  /** How long the object may take to end; nothing for kinds that end at once. */
  gracePeriodSeconds?(object: KubeObject, options: DeleteOptions): number;
  /** Dependents are never orphaned nor waited for. */
  readonly ignoresPropagation?: boolean;
  /** By `verb` or `verb/subresource`: answers instead of the generic registry. */
  readonly handlers?: Readonly<Record<string, Handler>>;
}
