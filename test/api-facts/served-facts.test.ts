import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaulted, differences } from './defaults.ts';
import { readFacts, type Json } from './facts.ts';
import { collectionPath, made, makeNamespaces } from './observed-state.ts';
import { serve, type Served } from './served.ts';

/** Discovery, tables, selectors and stored objects as they come over TLS from a whole API server. */

let served: Served;

beforeAll(async () => {
  served = await serve();
  await makeNamespaces(served.http);
});
afterAll(() => served[Symbol.asyncDispose]());

async function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Json> {
  const { status, body } = await served.http({ method: 'GET', path, headers });
  expect({ path, status }).toEqual({ path, status: 200 });
  return body;
}

interface ObservedPart {
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

interface ObservedResource extends ObservedPart {
  readonly scope: 'ns' | 'cluster';
  readonly singular: string;
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly sub?: Readonly<Record<string, ObservedPart>>;
}

interface Discovery {
  readonly resources: Readonly<Record<string, ObservedResource>>;
  readonly discoveryOrder: Readonly<Record<string, readonly string[]>>;
  readonly groups: readonly { group: string; versions: readonly string[]; preferred: string }[];
}

interface ServedResource {
  readonly name: string;
  readonly kind: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

describe('discovery as observed', () => {
  const { resources, discoveryOrder, groups } = readFacts('resources.json.gz') as Discovery;

  test('groups and their versions, in order', async () => {
    const { groups: own } = (await get('/apis')) as {
      groups: { name: string; versions: { version: string }[]; preferredVersion: Json }[];
    };
    const shown = own.map(({ name, versions, preferredVersion }) => ({
      group: name,
      versions: versions.map(({ version }) => version),
      preferred: preferredVersion['version'],
    }));
    expect(shown).toEqual(groups.filter(({ group }) => group !== ''));
  });

  test.each(Object.keys(discoveryOrder))('resources of %s', async (groupVersion) => {
    const root = groupVersion.includes('/') ? '/apis' : '/api';
    const { resources: own } = (await get(`${root}/${groupVersion}`)) as {
      resources: readonly ServedResource[];
    };
    expect(own.map(({ name }) => name)).toEqual(discoveryOrder[groupVersion]);
    for (const { name, kind, singularName, namespaced, verbs, ...others } of own) {
      const [plural = '', subresource] = name.split('/');
      const resource = resources[`${groupVersion}/${plural}`]!;
      const part = subresource ? resource.sub![subresource]! : resource;
      expect({ name, kind, namespaced, verbs }).toEqual({
        name,
        kind: part.kind.slice(part.kind.lastIndexOf('/') + 1),
        namespaced: resource.scope === 'ns',
        verbs: part.verbs,
      });
      if (subresource) continue;
      const { shortNames, categories } = others;
      expect({ name, singularName, shortNames, categories }).toEqual({
        name,
        singularName: resource.singular,
        shortNames: resource.short,
        categories: resource.categories,
      });
    }
  });
});

interface Table {
  readonly columnDefinitions: readonly Readonly<Record<string, string | number>>[];
}

test('tables of every kind have the observed columns', async () => {
  const columns = readFacts('columns.json') as Readonly<Record<string, unknown>>;
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  for (const [kind, observed] of Object.entries(columns)) {
    const table = (await get(collectionPath(kind), { accept })) as unknown as Table;
    const own = table.columnDefinitions.map((column) => [
      column['name'],
      column['type'],
      column['format'],
      column['priority'],
    ]);
    expect({ [kind]: own }).toEqual({ [kind]: observed });
  }
});

test('every field that upstream selects by is accepted, and no other', async () => {
  const fields = readFacts('fields.json') as Readonly<Record<string, Json>>;
  for (const [kind, observed] of Object.entries(fields)) {
    for (const field of [...Object.keys(observed), 'spec.nothing', 'metadata.uid']) {
      const path = `${collectionPath(kind)}?fieldSelector=${encodeURIComponent(`${field}=x`)}`;
      const { status } = await served.http({ method: 'GET', path });
      expect({ path, status }).toEqual({ path, status: field in observed ? 200 : 400 });
    }
  }
});

interface Syntax {
  readonly s: string;
  readonly r: number;
  /** How many were selected, or the reason. */
  readonly n: number | string;
}

test('selectors are read as observed', async () => {
  const syntax = readFacts('selectors.json') as Readonly<Record<string, readonly Syntax[]>>;
  const labels = [{ app: 'x', n: '5' }, { empty: '' }, {}];
  const parameters = {
    labelSelectorSyntax: { parameter: 'labelSelector', namespace: 'labels', labels },
    fieldSelectorSyntax: { parameter: 'fieldSelector', namespace: 'fields', labels: [{}, {}] },
  };
  for (const [table, { parameter, namespace, labels: all }] of Object.entries(parameters)) {
    await made(served.http, '/api/v1/namespaces', { metadata: { name: namespace } });
    const path = collectionPath('v1/configmaps', namespace);
    for (const [index, own] of all.entries()) {
      await made(served.http, path, { metadata: { name: `one-${index}`, labels: own } });
    }
    for (const { s: selector, r: status, n: outcome } of syntax[table]!) {
      const answer = await served.http({
        method: 'GET',
        path: `${path}?${parameter}=${encodeURIComponent(selector)}`,
      });
      const { items, reason } = answer.body as { items?: readonly unknown[]; reason?: string };
      const own = { selector, status: answer.status, outcome: items?.length ?? reason };
      expect(own).toEqual({ selector, status, outcome });
    }
  }
});

/** What is drawn anew, depends on who asks, or has no order. */
const unsteady = [
  /^v1\/pods#generateName\/metadata\/name/,
  /\/(?:spec|status\/userInfo)\/username/,
  /^authorization\.k8s\.io\/v1\/selfsubjectrulesreviews#min\/status\/nonResourceRules/,
];
test('objects are stored, and warned about, as observed', async () => {
  const wrong: string[] = [];
  for (const facts of defaulted) {
    const { kind, variant, in: body, code, warnings = 0 } = facts;
    const { namespace } = (body['metadata'] ?? {}) as { namespace?: string };
    const path = collectionPath(kind, namespace);
    const answer = await served.http({ method: 'POST', path, body });
    const name = `${kind}#${variant}`;
    if (answer.status !== code) wrong.push(`${name}: ${JSON.stringify(answer.body).slice(0, 300)}`);
    else wrong.push(...differences(facts, answer.body).map((text) => `${name}${text}`));
    if (answer.warnings !== warnings)
      wrong.push(`${name}: ${answer.warnings} warnings, not ${warnings}`);
  }
  const steady = wrong.filter((text) => !unsteady.some((pattern) => pattern.test(text)));
  expect(steady).toEqual([]);
});
