import type {
  AdmissionContext,
  AdmissionRequest,
} from '#main/control-plane/apiserver/admission/plugin.ts';
import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

type Loose = Record<string, unknown>;

/** The codec of what the request carries; nothing where it carries nothing that can be changed. */
export function codecFor(
  request: AdmissionRequest,
  { catalog }: AdmissionContext,
): ObjectCodec | undefined {
  return request.codec ?? catalog.of(request.resource)?.codec;
}

/**
 * Decodes what a mutation made of the object and puts it into the draft, with its defaults. The
 * draft and its metadata stay the same objects: others hold them.
 */
export function replaceDraft(draft: Draft<KubeObject>, value: unknown, codec: ObjectCodec): void {
  const { object } = codec.decode({ value }, { isStrict: false });
  codec.default(object);
  const { metadata } = draft;
  overwrite(metadata, object.metadata);
  overwrite(draft, object);
  draft.metadata = metadata;
}

function overwrite(target: object, source: object): void {
  const open = target as Loose;
  for (const key of Object.keys(target)) if (!Object.hasOwn(source, key)) delete open[key];
  Object.assign(target, source);
}
