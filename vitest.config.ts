import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Helm comes from outside: without it there is nothing to run.
    exclude: process.env['PILOTHOUSE_HELM'] ? [] : ['test/integration/helm.test.ts'],
    // A busy machine is slow, not wrong: what is waited for comes, or the test fails.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
