import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { webhookConverter } from '#main/control-plane/apiserver/custom-resources/conversion-webhook.ts';
import type { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import { customResource } from '#main/control-plane/apiserver/custom-resources/definition.ts';
import { compileJsonPath } from '#main/control-plane/apiserver/custom-resources/json-path.ts';
import {
  applyDefaults,
  decodeMetadata,
  hasDefaults,
  ownershipSchema,
  prune,
  withDefaults,
} from '#main/control-plane/apiserver/custom-resources/shape.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import { scaleHandlers } from '#main/control-plane/apiserver/registry/scale/rest.ts';
import { objectForm, type ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import { DecodeError } from '#shared/api/codec/decode.ts';
import { withPlainNumbers } from '#shared/api/codec/json.ts';
import { duplicateFields } from '#shared/api/codec/json-keys.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresourceScale,
  JSONSchemaProps,
} from '#shared/api/types/apiextensions-v1.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** Every version that the definition serves, in the form in which built-in kinds are served. */
export function servedVersions(
  definition: CustomResourceDefinition,
  cache: ResourceCache,
  webhooks: WebhookCaller,
): ServedResource[] {
  const byWebhook = definition.spec.conversion?.strategy === 'Webhook';
  return definition.spec.versions
    .filter(({ served }) => served)
    .map((version) => {
      const plain = servedVersion(definition, version, cache);
      return byWebhook ? convertedByWebhook(plain, { definition, cache, webhooks }) : plain;
    });
}

interface ConvertedParts {
  readonly definition: CustomResourceDefinition;
  readonly cache: ResourceCache;
  readonly webhooks: WebhookCaller;
}

/** The version as a webhook makes it of whatever is stored. */
function convertedByWebhook(
  plain: ServedResource,
  { definition, cache, webhooks }: ConvertedParts,
): ServedResource {
  const { codec, resource } = plain;
  const { apiVersion } = cache.form;
  const stored = definition.spec.versions.find(({ storage }) => storage);
  const storedCodec = customCodec(
    { ...resource, version: stored?.name ?? resource.version },
    stored?.schema?.openAPIV3Schema,
  );
  const toStored = webhookConverter(definition, storedCodec, webhooks);
  const { toStored: _toStored, ...rest } = plain;
  return {
    ...rest,
    form: objectForm(codec.apiVersion, codec.kind, {
      convertLater: webhookConverter(definition, codec, webhooks),
    }),
    ...(codec.apiVersion !== apiVersion && {
      toStored: async (draft: Draft<KubeObject>) =>
        (await toStored([draft]))[0] as Draft<KubeObject>,
    }),
  };
}

function servedVersion(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  cache: ResourceCache,
): ServedResource {
  const resource = customResource(definition, version);
  const apiVersion = groupVersionOf(resource);
  const isStored = cache.form.apiVersion === apiVersion;
  const convert = converter(apiVersion);
  const complete = completion(definition);
  const toStored = converter(cache.form.apiVersion);
  return {
    resource,
    isCustom: true,
    openApiSchema: version.schema?.openAPIV3Schema,
    form:
      isStored && !complete
        ? cache.form
        : objectForm(apiVersion, resource.kind, {
            ...(!isStored && { convert }),
            ...(complete && { complete }),
          }),
    cache,
    ...(!isStored && { toStored: toStored as unknown as NonNullable<ServedResource['toStored']> }),
    codec: customCodec(resource, version.schema?.openAPIV3Schema),
    rest: restOf(version.subresources?.scale),
  };
}

/** What was stored before the schema gained a default is read with it, in whatever version. */
function completion({ spec }: CustomResourceDefinition): ObjectForm['complete'] {
  const schema = spec.versions.find(({ storage }) => storage)?.schema?.openAPIV3Schema;
  return hasDefaults(schema) ? (object) => withDefaults(schema, object) : undefined;
}

/** Without a conversion webhook the versions differ by name alone. */
function converter(apiVersion: string): (object: KubeObject) => KubeObject {
  return (object) => ({ ...object, apiVersion, metadata: { ...object.metadata } });
}

function customCodec(resource: Resource, schema: JSONSchemaProps | undefined): ObjectCodec {
  const apiVersion = groupVersionOf(resource);
  return {
    kind: resource.kind,
    apiVersion,
    hasStrategicPatch: false,
    schema: ownershipSchema(schema),
    decode({ value, source }, { isStrict }) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new DecodeError(
          'json: cannot unmarshal into Go value of type map[string]interface {}',
        );
      }
      const { apiVersion: _a, kind: _k, metadata, ...content } = value as Record<string, unknown>;
      const duplicates = isStrict && source ? duplicateFields(source) : [];
      const found = { isStrict, errors: [...duplicates] };
      const object = {
        kind: resource.kind,
        apiVersion,
        metadata: decodeMetadata(metadata, found),
        ...(prune(schema, withPlainNumbers(content), '', found) as object),
      };
      return { object: object as unknown as Draft<KubeObject>, strictErrors: found.errors };
    },
    default(draft) {
      const { metadata: _metadata, ...content } = draft;
      applyDefaults(schema, content);
      Object.assign(draft, content);
    },
  };
}

function restOf(scale: CustomResourceSubresourceScale | undefined): KindRest {
  if (!scale) return {};
  const replicas = compileJsonPath(scale.specReplicasPath);
  const current = compileJsonPath(scale.statusReplicasPath);
  const selector = scale.labelSelectorPath ? compileJsonPath(scale.labelSelectorPath) : undefined;
  const path = scale.specReplicasPath.replace(/^\./, '').split('.');
  const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return {
    handlers: scaleHandlers({
      replicas: (object) => number(replicas(object)[0]),
      currentReplicas: (object) => number(current(object)[0]),
      selector: (object) => {
        const [found] = selector?.(object) ?? [];
        return typeof found === 'string' ? found : '';
      },
      setReplicas: (draft, count) => setAt(draft, path, count),
    }),
  };
}

function setAt(object: object, path: readonly string[], value: unknown): void {
  let at = object as Record<string, unknown>;
  for (const name of path.slice(0, -1)) at = (at[name] ??= {}) as Record<string, unknown>;
  at[path.at(-1)!] = value;
}
