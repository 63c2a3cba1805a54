import { ApiError } from '#shared/kube/errors.ts';

export type WireFormat = 'json' | 'yaml' | 'protobuf';
export type Rendering = 'object' | 'table' | 'metadata';

/** How an answer is to be written. */
export interface Representation {
  readonly format: WireFormat;
  readonly rendering: Rendering;
  /** `v1` or `v1beta1` of meta.k8s.io, for tables and bare metadata. */
  readonly metaVersion: string;
  readonly contentType: string;
}

export interface Offer {
  /** Watches cannot be YAML. */
  readonly isStream?: boolean;
  /** Kinds without a protobuf form. */
  readonly withoutProtobuf?: boolean;
  /** Only resources have tables and bare metadata. */
  readonly isResource?: boolean;
  /** What is answered but never printed: reviews, bindings, tokens. */
  readonly withoutTable?: boolean;
  /** Discovery's documents ignore parameters that they do not know. */
  readonly isFallbackJson?: boolean;
}

export interface Clause {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const formats: readonly (readonly [string, WireFormat])[] = [
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['application/vnd.kubernetes.protobuf', 'protobuf'],
];
const kinds: Readonly<Record<string, Rendering>> = {
  Table: 'table',
  PartialObjectMetadata: 'metadata',
  PartialObjectMetadataList: 'metadata',
};

const plainJson: Representation = {
  format: 'json',
  rendering: 'object',
  metaVersion: 'v1',
  contentType: 'application/json',
};

/** Clients send the same few headers again and again. */
const negotiated = new Map<string, Representation>();

/** The first clause of an `Accept` header that can be met; throws `NotAcceptable`. */
export function negotiate(accept: string | undefined, offer: Offer): Representation {
  if (!accept || accept === '*/*' || accept === 'application/json') return plainJson;
  const { isStream, withoutProtobuf, isResource, withoutTable } = offer;
  const key = `${isStream} ${withoutProtobuf} ${isResource} ${withoutTable} ${accept}`;
  const known = negotiated.get(key);
  if (known) return known;
  for (const clause of parseAccept(accept)) {
    const found = meet(clause, offer);
    if (!found) continue;
    if (negotiated.size > 1_000) negotiated.clear();
    negotiated.set(key, found);
    return found;
  }
  throw new ApiError(
    'NotAcceptable',
    `only the following media types are accepted: ${offered(offer)
      .map(([type]) => type)
      .join(', ')}`,
    { details: {} },
  );
}

function offered({ isStream, withoutProtobuf }: Offer): typeof formats {
  return formats.filter(
    ([, format]) => !(withoutProtobuf && format === 'protobuf') && !(isStream && format === 'yaml'),
  );
}

function meet({ type, parameters }: Clause, offer: Offer): Representation | undefined {
  const match = offered(offer).find(
    ([mediaType]) => type === mediaType || type === '*/*' || type === 'application/*',
  );
  if (!match) return undefined;
  const [contentType, format] = match;
  const { as, v = 'v1', g } = parameters;
  if (as === undefined || offer.isFallbackJson) return { ...plainJson, format, contentType };
  const rendering = kinds[as];
  if (!rendering || !offer.isResource || g !== 'meta.k8s.io') return undefined;
  if (v !== 'v1' && v !== 'v1beta1') return undefined;
  if (rendering === 'table' && (format === 'protobuf' || offer.withoutTable)) return undefined;
  return { format, rendering, metaVersion: v, contentType };
}

/** By quality, then as written. */
export function parseAccept(accept: string): Clause[] {
  const clauses = accept.split(',').map((text, index) => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const parameters: Record<string, string> = {};
    for (const part of rest) {
      const equals = part.indexOf('=');
      if (equals > 0)
        parameters[part.slice(0, equals)] = part.slice(equals + 1).replaceAll('"', '');
    }
    return { type, parameters, quality: Number(parameters['q'] ?? 1), index };
  });
  return clauses.sort((a, b) => b.quality - a.quality || a.index - b.index);
}

const readable: Readonly<Record<string, WireFormat>> = Object.fromEntries(formats);

/** The format of a body from its `Content-Type`, JSON unless stated; throws `UnsupportedMediaType`. */
export function bodyFormat(contentType: string | undefined, offer: Offer = {}): WireFormat {
  if (!contentType) return 'json';
  const type = mediaType(contentType);
  const format = readable[type];
  if (format && !(format === 'protobuf' && offer.withoutProtobuf)) return format;
  const accepted = offered(offer).map(([name]) => name);
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    { details: {} },
  );
}

/** `application/json` of `application/json; charset=utf-8`. */
export function mediaType(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}
