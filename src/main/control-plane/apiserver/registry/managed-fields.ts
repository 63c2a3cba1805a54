import type { Catalog, ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import type {
  FieldOwnership,
  OwnershipContext,
} from '#main/control-plane/apiserver/registry/field-ownership.ts';
import type { Clock } from '#shared/base/clock.ts';
import { onApply } from '#shared/kube/managed-fields/apply.ts';
import { customEndpointFields, endpointFields } from '#shared/kube/managed-fields/reset-fields.ts';
import {
  onUpdate,
  type OwnedEndpoint,
  type OwnedVersion,
} from '#shared/kube/managed-fields/update.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import type { StructSchema } from '#shared/kube/schema.ts';

interface Endpoint {
  readonly owned: OwnedEndpoint;
  /** What an empty document of the kind decodes to. */
  readonly empty: KubeObject;
}

/** `metadata.managedFields` as upstream's field manager keeps them. */
export function createFieldOwnership(catalog: Catalog, clock: Clock): FieldOwnership {
  const endpoints = new WeakMap<ServedResource, Map<string, Endpoint>>();
  return {
    recordUpdate(context, draft, live) {
      const endpoint = endpointOf(context);
      if (!endpoint) return;
      const entries = onUpdate(endpoint.owned, {
        live: live ?? endpoint.empty,
        updated: draft,
        manager: managerOf(context),
        now: clock.now(),
      });
      setEntries(draft, entries);
    },
    apply(context, live) {
      const { request, options } = context;
      const endpoint = endpointOf(context);
      if (!endpoint) throw new Error(`${request.served.resource.plural} have no known shape`);
      const { object, managedFields } = onApply(endpoint.owned, {
        live: live ?? endpoint.empty,
        empty: endpoint.empty,
        config: request.body?.value().value,
        manager: managerOf(context),
        force: options.force === true,
        now: clock.now(),
      });
      const draft = request.served.codec.decode({ value: object }, { isStrict: false }).object;
      setEntries(draft, managedFields);
      return draft;
    },
  };

  function endpointOf({ request }: OwnershipContext): Endpoint | undefined {
    const { served, subresource } = request;
    let own = endpoints.get(served);
    if (!own) endpoints.set(served, (own = new Map()));
    let endpoint = own.get(subresource);
    if (!endpoint) {
      const { schema } = served.codec;
      if (schema?.kind !== 'struct') return undefined;
      endpoint = createEndpoint(catalog, served, { schema, subresource });
      own.set(subresource, endpoint);
    }
    return endpoint;
  }
}

function createEndpoint(
  catalog: Catalog,
  served: ServedResource,
  { schema, subresource }: { readonly schema: StructSchema; readonly subresource: string },
): Endpoint {
  const { resource, codec } = served;
  const owned: OwnedEndpoint = {
    ...versionOf(served, schema, subresource),
    kind: resource.kind,
    subresource,
    inVersion(apiVersion) {
      const other = sibling(catalog, served, apiVersion);
      const otherSchema = other?.codec.schema;
      if (!other || otherSchema?.kind !== 'struct') return undefined;
      return versionOf(other, otherSchema, subresource);
    },
    convert(object, apiVersion) {
      const from = sibling(catalog, served, object.apiVersion);
      const to = sibling(catalog, served, apiVersion);
      if (!from || !to) throw new Error(`${resource.kind} cannot be converted to ${apiVersion}`);
      const copy = structuredClone(object) as Draft<KubeObject>;
      // A webhook cannot be waited for here: what has the same names in both versions is compared.
      if (to.form.convertLater || from.form.convertLater) return { ...copy, apiVersion };
      const stored = from.toStored ? (from.toStored(copy) as Draft<KubeObject>) : copy;
      return to.form.convert ? to.form.convert(stored) : stored;
    },
  };
  const { object: empty } = codec.decode({ value: {} }, { isStrict: false });
  return { owned, empty };
}

function versionOf(
  { resource, form, isCustom }: ServedResource,
  schema: StructSchema,
  subresource: string,
): OwnedVersion {
  const hasStatus = resource.subresources?.some(({ name }) => name === 'status') ?? false;
  const fields = isCustom
    ? customEndpointFields(subresource, { hasStatus })
    : endpointFields(resource, subresource);
  return { schema, apiVersion: form.apiVersion, ...fields };
}

/** Another version of what is stored in the same place. */
function sibling(
  catalog: Catalog,
  served: ServedResource,
  apiVersion: string,
): ServedResource | undefined {
  if (served.form.apiVersion === apiVersion) return served;
  for (const other of catalog.values()) {
    if (other.cache === served.cache && other.form.apiVersion === apiVersion) return other;
  }
  return undefined;
}

function managerOf({ request, options }: OwnershipContext): string {
  return options.fieldManager ?? request.defaultManager;
}

function setEntries(
  draft: Draft<KubeObject>,
  entries: KubeObject['metadata']['managedFields'],
): void {
  if (entries) draft.metadata.managedFields = entries as Draft<typeof entries>;
  else delete draft.metadata.managedFields;
}
