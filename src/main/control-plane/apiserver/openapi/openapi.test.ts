import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { customDefinitionName } from '#main/control-plane/apiserver/openapi/custom-kinds.ts';
import { type Descriptions, type Json } from '#main/control-plane/apiserver/openapi/definitions.ts';
import { OpenApi, type OpenApiDocument } from '#main/control-plane/apiserver/openapi/openapi.ts';
import { resources } from '#shared/api/index.ts';
import { ProtobufReader } from '#shared/api/codec/protobuf-reader.ts';
import type { Resource } from '#shared/kube/resource.ts';

const descriptions: Descriptions = {
  types: { 'core.v1.ContainerPort': { '': 'A port.', hostPort: 'On the host.' } },
  parameters: { watch: 'Watch.', 'exec.tty': 'A terminal.' },
};
const openApi = new OpenApi({ version: 'v1.36.3', descriptions: () => descriptions, resources });

interface Operation {
  readonly operationId: string;
  readonly 'x-kubernetes-action'?: string;
  readonly parameters?: readonly Json[];
  readonly responses: Readonly<Record<string, Json>>;
}

function parsed(document: OpenApiDocument | undefined): Record<string, Record<string, Json>> {
  return JSON.parse(document!.body.toString()) as Record<string, Record<string, Json>>;
}

const shortened = (name: string): string =>
  name.replace('io.k8s.apimachinery.pkg.apis.meta.v1.', 'M.').replace('io.k8s.api.', '');
const refName = (schema: unknown): string => {
  const { $ref = '', type = '' } = (schema ?? {}) as Readonly<Record<string, string>>;
  return shortened($ref.slice('#/definitions/'.length)) || type;
};

/** `verb path query action operationId body responses`, as observed of upstream. */
const observed = readFileSync('test/data/openapi-paths.txt', 'utf8').trim().split('\n');

test('v2 has upstream’s paths, operations, parameters and answers', () => {
  const document = parsed(openApi.v2('json'));
  const parameters = document['parameters'] as Record<string, Json>;
  const resolve = (parameter: Json): Json => {
    const ref = parameter['$ref'] as string | undefined;
    return ref === undefined ? parameter : parameters[ref.slice('#/parameters/'.length)]!;
  };
  const lines = observed.map((line) => {
    const [method = '', path = ''] = line.split('\t');
    const item = document['paths']![path];
    if (!item) return `${path} is missing`;
    const operation = item[method.toLowerCase()] as Operation;
    const shared = (item['parameters'] ?? []) as readonly Json[];
    const all = [...shared, ...(operation.parameters ?? [])].map(resolve);
    const query = all.filter((parameter) => parameter['in'] === 'query');
    const body = all.find((parameter) => parameter['in'] === 'body');
    const answers = Object.entries(operation.responses).map(([code, { schema }]) =>
      schema ? `${code}=${refName(schema)}` : code,
    );
    return [
      method,
      path,
      query
        .map(({ name }) => name as string)
        .toSorted()
        .join(','),
      operation['x-kubernetes-action'] ?? '',
      operation.operationId,
      refName(body?.['schema']),
      answers.join(' '),
    ].join('\t');
  });
  expect(lines).toEqual(observed);
});

test('the dialects say the same in their own ways', () => {
  const v2 = parsed(openApi.v2('json'))['definitions']!;
  const v3 = parsed(openApi.v3('api/v1', 'json'))['components']!['schemas'] as Record<string, Json>;
  const port = 'io.k8s.api.core.v1.ContainerPort';
  expect(v2[port]).toEqual({
    description: 'A port.',
    properties: {
      containerPort: { format: 'int32', type: 'integer' },
      hostIP: { type: 'string' },
      hostPort: { description: 'On the host.', format: 'int32', type: 'integer' },
      name: { type: 'string' },
      protocol: { enum: ['SCTP', 'TCP', 'UDP'], type: 'string' },
    },
    required: ['containerPort'],
    type: 'object',
  });
  expect((v3[port]!['properties'] as Json)['protocol']).toEqual({
    default: 'TCP',
    enum: ['SCTP', 'TCP', 'UDP'],
    type: 'string',
  });
  const podSpec = v3['io.k8s.api.core.v1.PodSpec']!['properties'] as Json;
  expect(podSpec['containers']).toEqual({
    items: {
      allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.Container' }],
      default: {},
    },
    type: 'array',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  expect(v2['io.k8s.api.core.v1.SeccompProfile']).toMatchObject({
    'x-kubernetes-unions': [
      {
        discriminator: 'type',
        'fields-to-discriminateBy': { localhostProfile: 'LocalhostProfile' },
      },
    ],
  });
});

test('the index names each document with a hash that its etag repeats', () => {
  const { paths } = parsed(openApi.v3Index());
  expect(Object.keys(paths!)).toContain('apis/rbac.authorization.k8s.io/v1');
  const { serverRelativeURL } = paths!['apis/apps/v1'] as { serverRelativeURL: string };
  const document = openApi.v3('apis/apps/v1', 'json')!;
  expect(serverRelativeURL).toBe(
    `/openapi/v3/apis/apps/v1?hash=${document.etag.replaceAll('"', '')}`,
  );
  expect(openApi.v3('apis/apps/v2', 'json')).toBeUndefined();
});

test('protobuf holds the same definitions', () => {
  const reader = new ProtobufReader(openApi.v2('protobuf').body);
  const names: string[] = [];
  while (!reader.isAtEnd) {
    const tag = reader.varint32();
    if (tag !== 9 * 8 + 2) reader.skip(tag % 8);
    else {
      const definitions = reader.message();
      while (!definitions.isAtEnd) {
        definitions.varint32();
        const named = definitions.message();
        named.varint32();
        names.push(named.text());
      }
    }
  }
  expect(names).toEqual(Object.keys(parsed(openApi.v2('json'))['definitions']!));
});

test('custom kinds come and go without touching the other documents', () => {
  const widgets: Resource = {
    group: 'stable.example.com',
    version: 'v1',
    kind: 'Widget',
    plural: 'widgets',
    singular: 'widget',
    scope: 'Namespaced',
    type: '',
    subresources: [
      { name: 'status', kind: 'Widget', verbs: ['get', 'patch', 'update'] },
      {
        name: 'scale',
        kind: 'Scale',
        groupVersion: 'autoscaling/v1',
        verbs: ['get', 'patch', 'update'],
      },
    ],
  };
  const schema = { type: 'object', properties: { size: { type: 'integer' } } };
  const apps = openApi.v3('apis/apps/v1', 'json');
  openApi.setCustomKinds([{ resource: widgets, schemaV2: schema, schemaV3: schema }]);
  expect(customDefinitionName(widgets)).toBe('com.example.stable.v1.Widget');
  const document = parsed(openApi.v3('apis/stable.example.com/v1', 'json'));
  const path = '/apis/stable.example.com/v1/namespaces/{namespace}/widgets';
  expect(document['paths']![path]).toMatchObject({
    get: {
      operationId: 'listStableExampleComV1NamespacedWidget',
      tags: ['stableExampleCom_v1'],
    },
  });
  expect(
    (document['components']!['schemas'] as Json)['com.example.stable.v1.Widget'],
  ).toMatchObject({
    properties: { size: { type: 'integer' }, apiVersion: { type: 'string' } },
    'x-kubernetes-group-version-kind': [
      { group: 'stable.example.com', kind: 'Widget', version: 'v1' },
    ],
  });
  expect(parsed(openApi.v2('json'))['definitions']).toHaveProperty([
    'com.example.stable.v1.WidgetList',
  ]);
  expect(openApi.v3('apis/apps/v1', 'json')).toBe(apps);

  const first = openApi.v3('apis/stable.example.com/v1', 'json');
  const other = { ...widgets, group: 'other.example.com' };
  openApi.setCustomKinds(
    [widgets, other].map((resource) => ({ resource, schemaV2: schema, schemaV3: schema })),
  );
  expect(openApi.v3('apis/stable.example.com/v1', 'json')).toBe(first);
  expect(openApi.v3('apis/other.example.com/v1', 'json')).toBeDefined();
  openApi.setCustomKinds([]);
  expect(openApi.v3('apis/stable.example.com/v1', 'json')).toBeUndefined();
});

test('a kind whose schema may not be named is an object without properties', () => {
  const gadgets: Resource = {
    group: 'stable.example.com',
    version: 'v1',
    kind: 'Gadget',
    plural: 'gadgets',
    singular: 'gadget',
    scope: 'Namespaced',
    type: '',
    subresources: [],
    fieldSelectors: { 'spec.color': () => '' },
  };
  const schemaV3 = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  openApi.setCustomKinds([{ resource: gadgets, schemaV2: undefined, schemaV3 }]);
  const identity = {
    'x-kubernetes-group-version-kind': [
      { group: 'stable.example.com', kind: 'Gadget', version: 'v1' },
    ],
    'x-kubernetes-selectable-fields': [{ fieldPath: 'spec.color' }],
  };
  const { definitions } = parsed(openApi.v2('json')) as { definitions: Json };
  expect(definitions['com.example.stable.v1.Gadget']).toEqual({ type: 'object', ...identity });
  const { components } = parsed(openApi.v3('apis/stable.example.com/v1', 'json'));
  expect((components!['schemas'] as Json)['com.example.stable.v1.Gadget']).toMatchObject({
    ...schemaV3,
    ...identity,
    properties: { kind: { type: 'string' } },
  });
  openApi.setCustomKinds([]);
});
