// `npm test`: installs what is missing, checks the code, runs every suite, counts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { environment, install, node, root, run } from './install.mjs';
import { installSystemPackages } from './system-packages.mjs';

install();
const missing = installSystemPackages();
if (missing.length > 0 && process.env.CI === 'true') {
  console.error(`In CI nothing may be left out, but these are missing: ${missing.join(', ')}`);
  process.exit(1);
}
run(node, ['scripts/check.mjs']);
build();

const scratch = mkdtempSync(join(tmpdir(), 'pilothouse-test-'));
try {
  const report = join(scratch, 'vitest.json');
  const { status } = spawnSync(
    'vitest',
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { cwd: root, env: environment, stdio: 'inherit' },
  );
  if (!existsSync(report)) throw new Error('vitest wrote no report: see its output above');
  const results = JSON.parse(readFileSync(report, 'utf8'));
  const skipped = results.numPendingTests + results.numTodoTests;
  if (!process.env.PILOTHOUSE_HELM) {
    console.log('Left out: helm (PILOTHOUSE_HELM may name a binary)');
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    console.log('Left out: real hosts, networks and pods (they need root on Linux)');
  if (missing.length > 0) console.log(`Left out for want of: ${missing.join(', ')}`);
  console.log(
    `${results.numPassedTests} passed, ${results.numFailedTests} failed, ${skipped} skipped`,
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
