import { defineConfig } from 'vitest/config';

const canHaveHosts = process.platform === 'linux' && process.getuid?.() === 0;

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [
      // Helm comes from outside: without it there is nothing to run.
      ...(process.env['PILOTHOUSE_HELM'] ? [] : ['test/integration/helm.test.ts']),
      // Real hosts are made of namespaces, which only root on Linux may make.
      ...(canHaveHosts ? [] : ['test/hosts/**']),
    ],
    // A busy machine is slow, not wrong: what is waited for comes, or the test fails.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
