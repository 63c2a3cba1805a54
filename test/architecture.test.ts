import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** What turns definitions of controllers into running loops, and small rules beside it. */
const controllerRuntime = [
  'main/control-plane/real-nodes.ts',
  ...['conditions', 'informers', 'runtime', 'values'].map(
    (file) => `main/control-plane/controller-manager/${file}.ts`,
  ),
];

/** Who may import whom. A folder may always import itself; the most specific row wins. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'shared/base': [],
  'shared/kube': ['shared/base'],
  'shared/cel': ['shared/base', 'shared/kube'],
  'shared/api': ['shared/base', 'shared/kube', 'shared/cel'],
  'shared/client': ['shared/base', 'shared/kube', 'shared/api'],
  'shared/policy': ['shared/base', 'shared/kube', 'shared/api'],
  'shared/overview': ['shared/base', 'shared/kube', 'shared/api'],
  'shared/contract': ['shared/base', 'shared/kube', 'shared/api', 'shared/overview'],
  'shared/drain': ['shared/base', 'shared/kube', 'shared/api'],
  'main/http2': [],
  'main/control-plane': ['shared'],
  'main/control-plane/index.ts': ['shared', 'main/control-plane', 'main/clusters'],
  'main/control-plane/credentials.ts': ['shared', 'main/control-plane', 'main/clusters'],
  'main/control-plane/apiserver': [
    'shared',
    'main/http2',
    'main/control-plane/etcd',
    'main/control-plane/node-dialer.ts',
  ],
  'main/control-plane/etcd': ['shared/base', 'main/http2'],
  'main/control-plane/snapshots': ['shared', 'main/control-plane/etcd', 'main/clusters'],
  'main/control-plane/scheduler': ['shared'],
  'main/control-plane/controller-manager': ['shared'],
  'main/control-plane/cloud-controller-manager': ['shared', ...controllerRuntime],
  'main/control-plane/local-path': ['shared', ...controllerRuntime],
  'main/clusters': ['shared'],
  // Both ends of the tunnel are one multiplexer.
  'main/provision': ['shared', 'agent/tunnel'],
  'main/simulation': ['shared'],
  'main/drain': ['shared'],
  'main/window': ['shared', 'main/clusters'],
  'main/window/snapshots.ts': ['shared', 'main/control-plane/etcd', 'main/control-plane/snapshots'],
  'main/desktop': ['shared', 'main', 'electron'],
  'main/index.ts': ['shared', 'main', 'electron'],
  main: [
    'shared',
    'main/clusters',
    'main/control-plane',
    'main/drain',
    'main/provision',
    'main/simulation',
    'main/window',
  ],
  agent: ['shared'],
  preload: ['shared/contract', 'electron'],
  renderer: ['shared'],
};

const layers = Object.keys(mayImport).toSorted((a, b) => b.length - a.length);
const covers = (rule: string, path: string): boolean =>
  path === rule || path.startsWith(`${rule}/`);

const sources = globSync('src/**/*.{ts,vue}').filter((file) => !file.endsWith('.test.ts'));

test('every file imports only what its folder may', () => {
  expect(sources.flatMap(forbiddenImports)).toEqual([]);
});

test('everything in shared runs anywhere', () => {
  const shared = sources.filter((file) => file.startsWith('src/shared/'));
  const imports = shared.flatMap((file) =>
    [...read(file).matchAll(/from ['"](node:[^'"]+|electron)['"]/g)].map(
      ([text]) => `${file}: ${text}`,
    ),
  );
  expect(imports).toEqual([]);
});

test('an agent carries no rules of kinds, which only the API server keeps', () => {
  const carried = [
    'types/',
    'certificates/signers.ts',
    'core/local-path-volume.ts',
    'schema/release.ts',
  ];
  const lazy = 'src/agent/kubelet/pods/static-pod-file.ts';
  const agent = sources.filter((file) => file.startsWith('src/agent/') && file !== lazy);
  const rules = agent.flatMap((file) =>
    [...read(file).matchAll(/from '#shared\/api\/([^']+)'/g)]
      .filter(([, path = '']) => !carried.some((own) => path.startsWith(own)))
      .map(([, path]) => `${file}: ${path}; take it from #agent/api/resources.ts`),
  );
  expect(rules).toEqual([]);
});

function forbiddenImports(file: string): string[] {
  const layer = layers.find((rule) => covers(rule, file.replace(/^src\//, '')));
  if (!layer) return [`${file}: belongs to no folder of the table`];
  const own = layer.replace(/\/[^/]*\.ts$/, '');
  const allowed = [own, ...(mayImport[layer] ?? [])];
  return [...read(file).matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)]
    .map(([, target]) => target?.replace(/^#/, '') ?? '')
    .filter((target) => /^(shared|main|agent|renderer|preload)\/|^electron$/.test(target))
    .filter((target) => !allowed.some((rule) => covers(rule, target)))
    .map((target) => `${file}: ${target}`);
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
}

test('nobody asks the machine for the time but the clock that is handed in', () => {
  const asking = sources.filter((file) => /new Date\(\s*\)/.test(readFileSync(file, 'utf8')));
  expect(asking).toEqual([]);
});
