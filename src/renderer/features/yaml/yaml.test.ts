import { expect, test } from 'vitest';
import { changesBetween } from './changes.ts';
import { fieldText, parseFieldText, type MapValue } from './field-path.ts';
import { intentOf, removalPatch } from './intent.ts';
import type { Rooted, Schema } from './language/schema.ts';
import { rebase, withField } from './text-edit.ts';

const text: Schema = { type: 'string' };
const number: Schema = { type: 'integer' };

const rooted: Rooted = {
  definitions: {
    Container: {
      type: 'object',
      required: ['name'],
      properties: {
        name: text,
        image: text,
        args: { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
          items: {
            type: 'object',
            properties: {
              containerPort: number,
              protocol: { ...text, default: 'TCP' },
              name: text,
            },
          },
        },
      },
    },
  },
  schema: {
    type: 'object',
    properties: {
      metadata: {
        type: 'object',
        properties: {
          annotations: { type: 'object', additionalProperties: text },
          finalizers: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        },
      },
      spec: {
        type: 'object',
        properties: {
          replicas: number,
          selector: {
            type: 'object',
            'x-kubernetes-map-type': 'atomic',
            additionalProperties: text,
          },
          containers: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: { allOf: [{ $ref: '#/components/schemas/Container' }], default: {} },
          },
        },
      },
    },
  },
};

const base = {
  apiVersion: 'x/v1',
  kind: 'Web',
  metadata: { name: 'web', namespace: 'default', annotations: { 'a.b/c': '1' } },
  spec: {
    replicas: 2,
    selector: { app: 'web' },
    containers: [
      { name: 'main', image: 'nginx:1', ports: [{ containerPort: 80, protocol: 'TCP' }] },
      { name: 'side', image: 'busybox', args: ['a', 'b'] },
    ],
  },
};

/** The same with changes made to a copy. */
function edited(change: (copy: typeof base) => void): typeof base {
  const copy = structuredClone(base);
  change(copy);
  return copy;
}

const same = edited(() => {});

test.each<[string, MapValue, readonly string[]]>([
  ['nothing', same, []],
  ['a plain field', edited(({ spec }) => (spec.replicas = 3)), ['.spec.replicas 2 → 3']],
  [
    'a field of an item, found by its key whatever its place',
    edited(({ spec }) => {
      spec.containers.reverse();
      spec.containers[1]!.image = 'nginx:2';
    }),
    ['.spec.containers[name="main"].image "nginx:1" → "nginx:2"'],
  ],
  [
    'a list that is one value',
    edited(({ spec }) => (spec.containers[1]!.args = ['a'])),
    ['.spec.containers[name="side"].args ["a","b"] → ["a"]'],
  ],
  [
    'a map that is one value',
    edited(({ spec }) => Object.assign(spec.selector, { tier: 'front' })),
    ['.spec.selector {"app":"web"} → {"app":"web","tier":"front"}'],
  ],
  [
    'an item that went',
    edited(({ spec }) => void spec.containers.pop()),
    [
      '.spec.containers[name="side"] {"name":"side","image":"busybox","args":["a","b"]} → undefined',
    ],
  ],
  [
    'a key that leaves out what has a default',
    edited(({ spec }) => (spec.containers[0]!.ports = [{ containerPort: 80 } as never])),
    [
      '.spec.containers[name="main"].ports[containerPort=80,protocol="TCP"].protocol "TCP" → undefined',
    ],
  ],
])('changes: %s', (_name, after, expected) => {
  const told = changesBetween(base, after, rooted).map(
    ({ path, before, after: now }) =>
      `${fieldText(path)} ${JSON.stringify(before)} → ${JSON.stringify(now)}`,
  );
  expect(told).toEqual(expected);
});

test.each([
  '.spec.replicas',
  '.metadata.annotations.a.b/c',
  '.spec.containers[name="main"].ports[containerPort=80,protocol="TCP"].containerPort',
])('the server’s name of a field, %s, is understood', (name) => {
  const path = parseFieldText(name, base);
  expect(path && fieldText(path)).toBe(name);
});

const id = { apiVersion: 'x/v1', kind: 'Web' };
const metadata = { name: 'web', namespace: 'default' };

test.each<[string, MapValue, MapValue, object]>([
  ['what was changed', edited(({ spec }) => (spec.replicas = 3)), {}, { spec: { replicas: 3 } }],
  [
    'an item with its key and the field',
    edited(({ spec }) => (spec.containers[0]!.image = 'nginx:2')),
    {},
    { spec: { containers: [{ name: 'main', image: 'nginx:2' }] } },
  ],
  [
    'what was applied before stays applied',
    edited(({ spec }) => (spec.replicas = 3)),
    { 'f:spec': { 'f:containers': { 'k:{"name":"side"}': { 'f:args': {} } } } },
    { spec: { replicas: 3, containers: [{ name: 'side', args: ['a', 'b'] }] } },
  ],
  [
    'what one owns goes by being left out',
    edited(({ spec }) => delete (spec as Partial<typeof spec>).replicas),
    { 'f:spec': { 'f:replicas': {} } },
    {},
  ],
])('an edit means %s', (_name, mine, owned, body) => {
  const intent = intentOf(mine, base, { owned, rooted });
  expect(intent).toEqual({ body: { ...id, metadata, ...body }, removals: [] });
});

test('what others own is not removed by leaving it out', () => {
  const mine = edited(({ spec }) => void spec.containers.pop());
  const { body, removals } = intentOf(mine, base, { owned: {}, rooted });
  expect(body).toEqual({ ...id, metadata });
  expect(removals.map(fieldText)).toEqual(['.spec.containers[name="side"]']);
});

test('removals go from the last item to the first, and only from the object that was seen', () => {
  const live = { ...base, metadata: { ...base.metadata, resourceVersion: '7' } };
  const paths = ['.spec.containers[name="main"]', '.spec.containers[name="side"]'];
  const removals = paths.map((path) => parseFieldText(path, live)!);
  expect(removalPatch(live, removals)).toEqual([
    { op: 'test', path: '/metadata/resourceVersion', value: '7' },
    { op: 'remove', path: '/spec/containers/1' },
    { op: 'remove', path: '/spec/containers/0' },
  ]);
});

const written = `# mine
apiVersion: x/v1
kind: Web
spec:
  replicas: 5 # many
  containers:
  - name: main # the server
    image: "nginx:1"
`;

test('a rebase changes nothing but the fields that moved, and keeps what both changed', () => {
  const changes = [
    { path: ['spec', 'replicas'], before: 2, after: 3 },
    {
      path: ['spec', 'containers', { keys: { name: 'main' } }, 'image'],
      before: 'nginx:1',
      after: 'nginx:2',
    },
    { path: ['metadata', 'labels'], before: undefined, after: { a: 'b' } },
  ];
  const { text: after, kept } = rebase(written, 0, changes);
  expect(kept).toEqual([changes[0]]);
  expect(after).toBe(`${written.replace('"nginx:1"', 'nginx:2')}metadata:\n  labels:\n    a: b\n`);
});

test('a field is set in one of several documents', () => {
  const two = `${written}---\n${written}`;
  expect(withField(two, 1, ['spec', 'replicas'], 1)).toBe(
    `${written}---\n${written.replace('5', '1')}`,
  );
});
