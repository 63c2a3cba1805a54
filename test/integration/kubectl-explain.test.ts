import { expect, test } from 'vitest';
import { startTestCluster } from '../support/cluster.ts';
import { serveHttps } from '../support/https-server.ts';
import { kubectlOn, kubectls } from '../support/kubectl.ts';
import { resources } from '#shared/api/index.ts';

const served = new Set(
  resources.map(({ plural, group }) => (group ? `${plural}.${group}` : plural)),
);

/** The new one reads OpenAPI v3 and aggregated discovery, the old one v2 as protobuf and plain discovery. */
test.each(kubectls())(
  '$name explains every kind that is served',
  { timeout: 240_000 },
  async ({ binary }) => {
    await using cluster = await startTestCluster();
    await using server = await serveHttps(cluster.server);
    const kubectl = kubectlOn(binary, server.kubeconfig);
    const { stdout } = await kubectl(['api-resources', '--no-headers', '-o', 'name']);
    const names = stdout.trim().split('\n');
    expect(new Set(names)).toEqual(served);

    for (const name of names) {
      const explained = await kubectl(['explain', name.split('.')[0]!, '--recursive']);
      expect(explained).toMatchObject({ code: 0, stderr: '' });
      expect(explained.stdout).toContain('FIELDS:');
    }
  },
);

test('the kubectl on the PATH shows what a field may be', { timeout: 60_000 }, async () => {
  await using cluster = await startTestCluster();
  await using server = await serveHttps(cluster.server);
  const kubectl = kubectlOn('kubectl', server.kubeconfig);
  const { stdout } = await kubectl(['explain', 'pods.spec.containers.ports.protocol']);
  expect(stdout).toMatch(/FIELD: protocol <string>\nENUM:\n {4}SCTP\n {4}TCP\n {4}UDP/);
});
