// Everything that can be said about the code without running it.
import { node, run } from './install.mjs';

const typescript = 'node_modules/typescript7/bin/tsc';

run(node, ['scripts/generate-api.ts']);
run(node, [typescript, '-p', 'tsconfig.json']);
run(node, [typescript, '-p', 'src/shared/tsconfig.json']);
run(node, [typescript, '-p', 'src/preload/tsconfig.json']);
run('vue-tsc', ['-p', 'src/renderer/tsconfig.json', '--noEmit']);
run('oxlint', ['--quiet']);
run('oxfmt', ['--check', 'src', 'test', 'bench', 'scripts']);
run('knip', ['--no-progress']);
run('vitest', ['run', '--silent=true', '--reporter=dot', 'test/architecture.test.ts']);
