import {
  type Definitions,
  type Descriptions,
  groupVersionKind,
  type Json,
} from '#main/control-plane/apiserver/openapi/definitions.ts';
import type {
  Operation,
  PathOperations,
  Payload,
  Produces,
} from '#main/control-plane/apiserver/openapi/operations.ts';
import {
  parameterOf,
  parameterV2,
  parameterV3,
  sortedParameters,
  splitParameters,
} from '#main/control-plane/apiserver/openapi/parameters.ts';

const objectTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const produced: Readonly<Record<Produces, readonly string[]>> = {
  object: objectTypes,
  stream: [
    ...objectTypes,
    'application/json;stream=watch',
    'application/vnd.kubernetes.protobuf;stream=watch',
  ],
  log: ['text/plain', ...objectTypes],
  anything: ['*/*'],
  json: ['application/json'],
  custom: ['application/json', 'application/yaml'],
  jwks: ['application/jwk-set+json'],
};
const answerTexts = { 200: 'OK', 201: 'Created', 202: 'Accepted' } as const;
const unauthorized = { '401': { description: 'Unauthorized' } };

/** Where payloads are defined, and the sentences about parameters. */
export interface DocumentContext {
  readonly definitions: Definitions;
  readonly descriptions: Descriptions;
  /** Definitions that are no types of ours, by name. */
  readonly extra: Readonly<Record<string, () => Json>>;
}

/** One path as OpenAPI v2 has it. */
export function pathV2(path: PathOperations, context: DocumentContext): Json {
  const { shared, ofOperation } = splitParameters(path);
  const item: Record<string, unknown> = {};
  const shown = (names: readonly string[]): Json[] =>
    sortedParameters(names.map((name) => parameterOf(name, path, context.descriptions))).map(
      parameterV2,
    );
  path.operations.forEach((operation, index) => {
    item[operation.method] = operationV2(operation, shown(ofOperation(index)), context);
  });
  if (shared.length > 0) item['parameters'] = shown(shared);
  return sortedKeys(item);
}

function operationV2(operation: Operation, query: readonly Json[], context: DocumentContext): Json {
  const { body, consumes } = operation;
  const parameters = [
    ...(body
      ? [
          {
            in: 'body',
            name: 'body',
            ...(body.isRequired && { required: true }),
            schema: schemaOf(body.payload, context),
          },
        ]
      : []),
    ...query,
  ];
  const isBare = operation.produces === 'jwks' || operation.tag === 'WellKnown';
  return {
    ...(!isBare && { consumes: consumes ?? ['*/*'] }),
    description: operation.description,
    operationId: operation.id,
    ...(parameters.length > 0 && { parameters }),
    produces: produced[operation.produces],
    responses: {
      ...Object.fromEntries(
        operation.answers.map(([code, payload]) => [
          code,
          { description: answerTexts[code], schema: schemaOf(payload, context) },
        ]),
      ),
      ...unauthorized,
    },
    schemes: ['https'],
    tags: [operation.tag],
    ...extensionsOf(operation),
  };
}

/** One path as OpenAPI v3 has it. */
export function pathV3(path: PathOperations, context: DocumentContext): Json {
  const { shared, ofOperation } = splitParameters(path);
  const item: Record<string, unknown> = {};
  const shown = (names: readonly string[]): Json[] =>
    sortedParameters(names.map((name) => parameterOf(name, path, context.descriptions))).map(
      parameterV3,
    );
  path.operations.forEach((operation, index) => {
    item[operation.method] = operationV3(operation, shown(ofOperation(index)), context);
  });
  if (shared.length > 0) item['parameters'] = shown(shared);
  return sortedKeys(item);
}

function operationV3(
  operation: Operation,
  parameters: readonly Json[],
  context: DocumentContext,
): Json {
  const { body, consumes, answers } = operation;
  const content = (types: readonly string[], payload: Payload): Json => {
    const schema = schemaOf(payload, context);
    return Object.fromEntries(types.toSorted().map((type) => [type, { schema }]));
  };
  return {
    description: operation.description,
    operationId: operation.id,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        content: content(consumes ?? ['*/*'], body.payload),
        ...(body.isRequired && { required: true }),
      },
    }),
    responses: {
      ...Object.fromEntries(
        answers.map(([code, payload]) => [
          code,
          {
            content: content(produced[operation.produces], payload),
            description: answerTexts[code],
          },
        ]),
      ),
      ...unauthorized,
    },
    tags: [operation.tag],
    ...extensionsOf(operation),
  };
}

function schemaOf(payload: Payload, { definitions, extra }: DocumentContext): Json {
  if (payload === 'text') return { type: 'string' };
  if (payload === 'patch') return definitions.patch();
  if (payload === 'version') return definitions.versionInfo();
  if ('type' in payload) return definitions.ref(payload.type);
  return definitions.refTo(
    payload.definition,
    extra[payload.definition] ?? (() => ({ type: 'object' })),
  );
}

function extensionsOf({ action, gvk }: Operation): Json {
  return {
    ...(action && { 'x-kubernetes-action': action }),
    ...(gvk && { 'x-kubernetes-group-version-kind': groupVersionKind(gvk) }),
  };
}

function sortedKeys(object: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
