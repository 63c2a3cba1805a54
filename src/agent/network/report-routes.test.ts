import { expect, test } from 'vitest';
import { nodes } from '#shared/api/core/node.ts';
import { ApiError } from '#shared/kube/errors.ts';
import { startTestCluster } from '../../../test/support/cluster.ts';
import { reportRoutes } from './report-routes.ts';

const routes = [
  { range: '10.244.2.0/24', via: '10.0.0.2' },
  { range: '10.244.0.0/24', via: undefined },
  { range: '10.244.1.0/24', via: '10.0.0.1' },
];

test('a node says which other nodes it has routes to, and says so once', async () => {
  await using cluster = await startTestCluster();
  const node = await cluster.admin.create(nodes, { metadata: { name: 'own' } });
  await reportRoutes(cluster.admin, node, routes);
  const told = await cluster.admin.get(nodes, { name: 'own' });
  expect(told.metadata.annotations).toEqual({
    'pilothouse.dev/routes-to': '10.244.1.0/24,10.244.2.0/24',
  });
  await reportRoutes(cluster.admin, told, routes);
  const after = await cluster.admin.get(nodes, { name: 'own' });
  expect(after.metadata.resourceVersion).toBe(told.metadata.resourceVersion);
});

test('while the API is away nothing is told, and nothing fails', async () => {
  await using test = await startTestCluster();
  const node = await test.admin.create(nodes, { metadata: { name: 'own' } });
  const patch = () => Promise.reject(new ApiError('ServiceUnavailable', 'away'));
  await expect(reportRoutes({ patch }, node, routes)).resolves.toBeUndefined();
});
