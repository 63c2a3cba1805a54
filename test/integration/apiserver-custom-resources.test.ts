import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { resource } from '#shared/kube/resource.ts';

interface Widget extends KubeObject {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

const widgets = (version: string) =>
  resource<Widget>({
    group: 'example.com',
    version,
    kind: 'Widget',
    plural: 'widgets',
    singular: 'widget',
    scope: 'Namespaced',
    type: '',
  });

const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        properties: {
          size: { type: 'integer', minimum: 1 },
          color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
          open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
      status: { type: 'object', properties: { ready: { type: 'boolean' } } },
    },
  },
};

const definition = {
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema },
      { name: 'v2', served: true, storage: false, subresources: { status: {} }, schema },
    ],
  },
};

async function define(admin: Cluster): Promise<void> {
  await admin.create(customResourceDefinitions, definition);
  await expect
    .poll(async () => (await established(admin))?.status, { timeout: 5_000, interval: 10 })
    .toBe('True');
  await expect
    .poll(
      () =>
        admin.list(widgets('v1')).then(
          () => true,
          () => false,
        ),
      { interval: 10 },
    )
    .toBe(true);
}

async function established(admin: Cluster) {
  const found = await admin.get<CustomResourceDefinition>(customResourceDefinitions, {
    name: 'widgets.example.com',
  });
  return found.status?.conditions?.find(({ type }) => type === 'Established');
}

const key = { namespace: 'default', name: 'a' };

test('Objects of a defined kind are pruned, defaulted, checked and shown in every version', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await define(admin);
  const made = await admin.create(widgets('v1'), {
    metadata: key,
    spec: { size: 2, unknown: 1, open: { kept: true } },
    status: { ready: true },
  });
  expect(made).toMatchObject({ apiVersion: 'example.com/v1', metadata: { generation: 1 } });
  expect(made.spec).toEqual({ size: 2, color: 'red', open: { kept: true } });
  expect(made.status).toBeUndefined();
  expect(await admin.get(widgets('v2'), key)).toMatchObject({
    apiVersion: 'example.com/v2',
    spec: { size: 2 },
  });
  const status = await admin.update(
    widgets('v1'),
    { ...made, spec: { size: 9 }, status: { ready: true } },
    { subresource: 'status' },
  );
  expect(status).toMatchObject({
    metadata: { generation: 1 },
    spec: { size: 2 },
    status: { ready: true },
  });
  await expect(
    admin.create(widgets('v1'), {
      metadata: { ...key, name: 'b' },
      spec: { size: 0, color: 'green' },
    }),
  ).rejects.toMatchObject({
    reason: 'Invalid',
    causes: [
      {
        field: 'spec.size',
        message: 'Invalid value: 0: spec.size in body should be greater than or equal to 1',
      },
      {
        field: 'spec.color',
        message: 'Unsupported value: "green": supported values: "blue", "red"',
      },
    ],
  });
});

test('With the definition everything goes that it defined', async () => {
  await using cluster = await startTestCluster();
  const { admin, store } = cluster;
  await define(admin);
  await admin.create(widgets('v1'), { metadata: key, spec: { size: 1 } });
  await admin.delete(customResourceDefinitions, { name: 'widgets.example.com' });
  await expect
    .poll(
      () =>
        admin.get(customResourceDefinitions, { name: 'widgets.example.com' }).then(
          () => 'there',
          () => 'gone',
        ),
      {
        timeout: 5_000,
        interval: 10,
      },
    )
    .toBe('gone');
  await expect(admin.list(widgets('v1'))).rejects.toMatchObject({ reason: 'NotFound' });
  const left = await store.range({
    key: '/registry/example.com/',
    rangeEnd: '/registry/example.com0',
  });
  expect(left.kvs).toEqual([]);
});

test('what was stored before the schema gained a default is read with it', async () => {
  await using cluster = await startTestCluster();
  const { admin } = cluster;
  await define(admin);
  await admin.create(widgets('v1'), {
    metadata: { namespace: 'default', name: 'a' },
    spec: { size: 1 },
  });
  const { openAPIV3Schema: root } = structuredClone(schema);
  const { spec } = root.properties;
  const grown = {
    openAPIV3Schema: {
      ...root,
      properties: {
        ...root.properties,
        spec: {
          ...spec,
          properties: { ...spec.properties, weight: { type: 'integer', default: 7 } },
        },
      },
    },
  };
  const crd = await admin.get<CustomResourceDefinition>(customResourceDefinitions, {
    name: 'widgets.example.com',
  });
  const versions = crd.spec.versions.map((version) => ({ ...version, schema: grown }));
  await admin.update(customResourceDefinitions, { ...crd, spec: { ...crd.spec, versions } });
  const weightOf = ({ spec: found }: Widget) => found?.['weight'];
  await expect
    .poll(async () => weightOf(await admin.get(widgets('v1'), key)), { interval: 10 })
    .toBe(7);
  expect(weightOf(await admin.get(widgets('v2'), key))).toBe(7);
  for (const version of ['v1', 'v2']) {
    const { items } = await admin.list(widgets(version));
    expect(items.map(weightOf)).toEqual([7]);
  }
});
