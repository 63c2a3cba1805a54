import { randomUUID } from 'node:crypto';
import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import type { WebhookCaller } from '#main/control-plane/apiserver/webhook/call.ts';
import { WebhookFailure } from '#main/control-plane/apiserver/webhook/failure.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

/** As long as upstream waits. */
const timeoutSeconds = 30;
const knownVersions = ['v1', 'v1beta1'];
const group = 'apiextensions.k8s.io';

interface ConversionReview {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly response?: {
    readonly uid?: string;
    readonly result?: { readonly status?: string; readonly message?: string };
    readonly convertedObjects?: readonly KubeObject[];
  };
}

/** Converts objects of a kind to one version by asking the webhook of its definition. */
export function webhookConverter(
  { spec }: CustomResourceDefinition,
  codec: ObjectCodec,
  webhooks: WebhookCaller,
): (objects: readonly KubeObject[]) => Promise<readonly KubeObject[]> {
  const { clientConfig, conversionReviewVersions = [] } = spec.conversion?.webhook ?? {};
  const version = conversionReviewVersions.find((each) => knownVersions.includes(each));
  return async (objects) => {
    const others = objects.filter(({ apiVersion }) => apiVersion !== codec.apiVersion);
    const [first] = others;
    if (!first) return objects;
    const what = `conversion webhook for ${first.apiVersion}, Kind=${first.kind}`;
    const uid = randomUUID();
    const body = {
      kind: 'ConversionReview',
      apiVersion: `${group}/${version ?? ''}`,
      request: { uid, desiredAPIVersion: codec.apiVersion, objects: others },
      response: null,
    };
    let converted: readonly KubeObject[];
    try {
      if (!version) throw new Error('no supported conversion review versions');
      const answer = await webhooks.post(clientConfig ?? {}, body, { timeoutSeconds });
      converted = read(answer as ConversionReview, uid, version);
    } catch (error) {
      const isOurs = error instanceof WebhookFailure || error instanceof Error;
      throw failed(`${what} failed: ${isOurs ? error.message : String(error)}`, error);
    }
    if (converted.length !== others.length) {
      throw failed(`${what} returned ${converted.length} objects, expected ${others.length}`);
    }
    const byOriginal = new Map(others.map((each, index) => [each, converted[index]!]));
    return objects.map((original) => {
      const object = byOriginal.get(original);
      if (!object) return original;
      const index = others.indexOf(original);
      const problem = mistake(object, original, codec);
      if (problem) {
        throw failed(`${what} returned invalid converted object at index ${index}: ${problem}`);
      }
      return accepted(object, original, codec);
    });
  };
}

function failed(message: string, cause?: unknown): ApiError {
  return new ApiError('InternalError', message, { cause });
}

function read(
  { kind = '', apiVersion = '', response }: ConversionReview,
  uid: string,
  version: string,
): readonly KubeObject[] {
  if (version === 'v1' && (kind !== 'ConversionReview' || apiVersion !== `${group}/v1`)) {
    throw new Error(
      `expected webhook response of ${group}/v1, Kind=ConversionReview, got ${apiVersion}, Kind=${kind}`,
    );
  }
  if (!response) throw new Error('no response provided');
  if (version === 'v1' && response.uid !== uid) {
    throw new Error(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
    );
  }
  const { status = '', message = '' } = response.result ?? {};
  if (status !== 'Success') {
    throw new Error(message || `response.result.status was '${status}', not 'Success'`);
  }
  return response.convertedObjects ?? [];
}

/** What a conversion may not change. */
function mistake(
  object: KubeObject,
  original: KubeObject,
  { apiVersion, kind }: ObjectCodec,
): string | undefined {
  if (object.apiVersion !== apiVersion) {
    return `invalid groupVersion (expected ${apiVersion}, received ${object.apiVersion})`;
  }
  if (object.kind !== kind) return `invalid kind (expected ${kind}, received ${object.kind})`;
  if (typeof object.metadata !== 'object') return 'missing metadata in converted object';
  const { name, namespace, uid } = original.metadata;
  const { metadata } = object;
  if (metadata.name !== name) return `must have the same name: ${name} != ${metadata.name}`;
  if ((metadata.namespace ?? '') !== (namespace ?? '')) {
    return `must have the same namespace: ${namespace} != ${metadata.namespace}`;
  }
  return metadata.uid === uid ? undefined : `must have the same UID: ${uid} != ${metadata.uid}`;
}

/** Of the metadata a webhook has a say in labels and annotations only. */
function accepted(object: KubeObject, original: KubeObject, codec: ObjectCodec): KubeObject {
  const { labels, annotations } = object.metadata;
  const { labels: _labels, annotations: _annotations, ...metadata } = original.metadata;
  const value = {
    ...object,
    metadata: { ...metadata, ...(labels && { labels }), ...(annotations && { annotations }) },
  };
  const { object: decoded } = codec.decode({ value }, { isStrict: false });
  codec.default(decoded);
  return decoded;
}
