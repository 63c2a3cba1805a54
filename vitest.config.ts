import { defineConfig } from 'vitest/config';

const canHaveHosts = process.platform === 'linux' && process.getuid?.() === 0;

/** They make and remove network links, which a browser takes for a change of its network. */
const changesNetwork = ['test/hosts/**', 'test/network/**', 'test/kubelet-facts/**'];

export default defineConfig({
  test: {
    // A busy machine is slow, not wrong: what is waited for comes, or the test fails.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'software',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
          exclude: [
            ...changesNetwork,
            // Helm comes from outside: without it there is nothing to run.
            ...(process.env['PILOTHOUSE_HELM'] ? [] : ['test/integration/helm.test.ts']),
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'hosts',
          include: changesNetwork.map((folder) => `${folder}/*.test.ts`),
          // They are made of namespaces, which only root on Linux may make.
          exclude: canHaveHosts ? [] : changesNetwork,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
