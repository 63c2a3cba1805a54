import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { aggregatedDiscovery } from '#main/control-plane/apiserver/discovery/aggregated.ts';
import {
  groupDocument,
  groupList,
  resourceList,
} from '#main/control-plane/apiserver/discovery/documents.ts';
import {
  compareVersions,
  servedGroups,
  servedVersions,
} from '#main/control-plane/apiserver/discovery/served-groups.ts';
import { resources } from '#shared/api/index.ts';
import type { Resource } from '#shared/kube/resource.ts';

const observed = JSON.parse(readFileSync('test/data/discovery.json', 'utf8')) as {
  readonly groups: readonly { readonly group: string; readonly versions: readonly string[] }[];
  readonly order: Readonly<Record<string, readonly string[]>>;
  readonly storageVersionHashes: Readonly<Record<string, string>>;
};
const groups = servedGroups(servedVersions(resources));
const lists = groups.flatMap(({ versions }) => versions.map(resourceList));

test('groups and versions come in upstream’s order', () => {
  const named = observed.groups.filter(({ group }) => group !== '');
  const shown = groupList(groups).groups.map(({ name, versions }) => ({
    group: name,
    versions: versions.map(({ version }) => version),
  }));
  expect(shown).toEqual(
    named
      .toSorted((a) => (a.group === 'apiregistration.k8s.io' ? -1 : 0))
      .map(({ group, versions }) => ({ group, versions })),
  );
});

test('every list names the resources and subresources that upstream names, in its order', () => {
  expect(
    Object.fromEntries(
      lists.map((list) => [list.groupVersion, list.resources.map(({ name }) => name)]),
    ),
  ).toEqual(observed.order);
});

test('storage version hashes are upstream’s', () => {
  const hashes = lists.flatMap(({ groupVersion, resources: listed }) =>
    listed.map(
      ({ name, storageVersionHash }) => [`${groupVersion}/${name}`, storageVersionHash] as const,
    ),
  );
  expect(Object.fromEntries(hashes.filter(([, hash]) => hash !== undefined))).toEqual(
    observed.storageVersionHashes,
  );
});

test('the aggregated form names a foreign kind with its group', () => {
  const apps = aggregatedDiscovery(groups).items.find(({ metadata }) => metadata.name === 'apps');
  const deployments = apps?.versions[0]?.resources.find(
    ({ resource }) => resource === 'deployments',
  );
  expect(deployments).toEqual({
    resource: 'deployments',
    responseKind: { group: '', version: '', kind: 'Deployment' },
    scope: 'Namespaced',
    singularResource: 'deployment',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['deploy'],
    categories: ['all'],
    subresources: [
      {
        subresource: 'scale',
        responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
        verbs: ['get', 'patch', 'update'],
      },
      {
        subresource: 'status',
        responseKind: { group: '', version: '', kind: 'Deployment' },
        verbs: ['get', 'patch', 'update'],
      },
    ],
  });
});

test('custom groups follow the built-in ones, their versions as Kubernetes prefers them', () => {
  const widget = (version: string): Resource => ({
    group: 'a.example.com',
    version,
    kind: 'Widget',
    plural: 'widgets',
    singular: 'widget',
    scope: 'Namespaced',
    type: '',
  });
  const custom = servedVersions(['v1beta1', 'v10', 'v2', 'x'].map(widget), { isCustom: true });
  const all = servedGroups([...custom, ...servedVersions(resources)]);
  expect(groupDocument(all.at(-1)!)).toMatchObject({
    name: 'a.example.com',
    versions: ['v10', 'v2', 'v1beta1', 'x'].map((version) => ({ version })),
    preferredVersion: { groupVersion: 'a.example.com/v10', version: 'v10' },
  });
  expect(
    ['foo10', 'v1alpha2', 'v3beta1', 'foo1', 'v1'].toSorted((a, b) => compareVersions(b, a)),
  ).toEqual(['v1', 'v3beta1', 'v1alpha2', 'foo1', 'foo10']);
});
