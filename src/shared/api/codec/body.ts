import { DecodeError } from '#shared/api/codec/decode-context.ts';
import { JsonSyntaxError, type ParsedJson, parseJson, textOf } from '#shared/api/codec/json.ts';
import { openEnvelope, type TypeMeta } from '#shared/api/codec/protobuf.ts';
import { parseYaml, YamlSyntaxError } from '#shared/api/codec/yaml.ts';
import { typeData, typeNames } from '#shared/api/schema/type-data.ts';
import { ApiError } from '#shared/kube/errors.ts';

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** A request's body once it is known which kind it claims to be; the rest is the kind's decoder's. */
export interface ReadBody extends TypeMeta {
  /** Private to the caller; absent for protobuf. */
  readonly value?: unknown;
  /** For JSON: where duplicate keys are looked for. */
  readonly source?: { readonly text: string; readonly parsed: ParsedJson };
  /** The bare message; for protobuf only. */
  readonly message?: Uint8Array;
  /** What strict reading finds wrong before the types are known: YAML's duplicate keys. */
  readonly strictErrors: readonly string[];
}

/**
 * Parses a body and finds out which kind it says that it is; what it leaves out is as `expected`.
 * Throws `BadRequest` in upstream's words when the body cannot be read.
 */
export function readBody(body: Uint8Array, format: BodyFormat, expected: TypeMeta): ReadBody {
  try {
    if (format === 'protobuf') return readProtobuf(body, expected);
    if (format === 'yaml') {
      const { value, strictErrors } = parseYaml(textOf(body));
      return { ...interpret(value, expected), value, strictErrors };
    }
    const text = textOf(body);
    const parsed = parseJson(text);
    const { value } = parsed;
    return { ...interpret(value, expected), value, source: { text, parsed }, strictErrors: [] };
  } catch (error) {
    if (!isReadError(error)) throw error;
    const prefix = error instanceof JsonSyntaxError ? versionKindPrefix : '';
    throw new ApiError(
      'BadRequest',
      `the object provided is unrecognized (must be of type ${expected.kind}): ${prefix}${error.message} (${summary(body)})`,
      { cause: error },
    );
  }
}

/** The refusal of a body that names its kind but does not fit it, or is of another. */
export function cannotHandle(given: TypeMeta, expectedKind: string, why: string): ApiError {
  const version = given.apiVersion.slice(given.apiVersion.indexOf('/') + 1);
  return new ApiError(
    'BadRequest',
    `${given.kind} in version "${version}" cannot be handled as a ${expectedKind}: ${why}`,
  );
}

/**
 * Why a body of one kind is not taken for another: upstream cannot convert a kind that it knows, and
 * does not know the rest.
 */
export function kindFault(given: TypeMeta, expected: TypeMeta): string {
  const [from, to] = [given, expected].map(typeOfKind);
  if (from === undefined || to === undefined)
    return `no kind "${given.kind}" is registered for version "${given.apiVersion}" in scheme "pkg/api/legacyscheme/scheme.go:30"`;
  const [, ...versioned] = from.split('.');
  const [group, , ...name] = to.split('.');
  return `converting (${versioned.join('.')}) to (${[group, ...name].join('.')}): unknown conversion`;
}

function typeOfKind({ apiVersion, kind }: TypeMeta): string | undefined {
  const gvk = `${apiVersion}/${kind}`;
  return typeNames.find((name) => typeData(name).gvk?.includes(gvk));
}

const versionKindPrefix = "couldn't get version/kind; json parse error: ";

function isReadError(error: unknown): error is Error {
  return (
    error instanceof DecodeError ||
    error instanceof JsonSyntaxError ||
    error instanceof YamlSyntaxError
  );
}

function readProtobuf(body: Uint8Array, expected: TypeMeta): ReadBody {
  const { apiVersion, kind, raw, contentType } = openEnvelope(body);
  const typeMeta = completed({ apiVersion, kind }, expected);
  if (contentType === '' || contentType === 'application/vnd.kubernetes.protobuf')
    return { ...typeMeta, message: raw, strictErrors: [] };
  if (contentType !== 'application/json')
    throw new DecodeError(`unable to decode content type ${JSON.stringify(contentType)}`);
  const text = textOf(raw);
  const parsed = parseJson(text);
  return { ...typeMeta, value: parsed.value, source: { text, parsed }, strictErrors: [] };
}

const metaType =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** As upstream's `SimpleMetaFactory`, which reads the two members before anything else. */
function interpret(value: unknown, expected: TypeMeta): TypeMeta {
  if (value === null) return expected;
  if (typeof value !== 'object' || Array.isArray(value))
    throw new DecodeError(
      `${versionKindPrefix}json: cannot unmarshal ${goKind(value)} into Go value of type ${metaType}`,
    );
  const { apiVersion, kind } = value as Readonly<Record<string, unknown>>;
  for (const [name, member] of [['apiVersion', apiVersion] as const, ['kind', kind] as const]) {
    if (member !== undefined && member !== null && typeof member !== 'string')
      throw new DecodeError(
        `${versionKindPrefix}json: cannot unmarshal ${goKind(member)} into Go struct field .${name} of type string`,
      );
  }
  return completed(
    { apiVersion: (apiVersion ?? '') as string, kind: (kind ?? '') as string },
    expected,
  );
}

function completed({ apiVersion, kind }: TypeMeta, expected: TypeMeta): TypeMeta {
  if (apiVersion.split('/').length > 2)
    throw new DecodeError(`unexpected GroupVersion string: ${apiVersion}`);
  return { apiVersion: apiVersion || expected.apiVersion, kind: kind || expected.kind };
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'object' : typeof value;
}

const longestSummary = 30;

/** The beginning of the body: as it is when it looks like JSON, else in hexadecimal. */
function summary(body: Uint8Array): string {
  if (body.length === 0) return '<empty>';
  const dots = body.length > longestSummary ? ' ...' : '';
  const start = body.subarray(0, longestSummary);
  if (body[0] === 0x7b) return textOf(start) + dots;
  return Array.from(start, (byte) => byte.toString(16).padStart(2, '0')).join('') + dots;
}
