// `npm run bench [-- NAME …]`: every figure under bench/, or those named, one after another.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { install, node, root, run } from './install.mjs';

install();
run(node, ['scripts/generate-api.ts']);
const wanted = process.argv.slice(2);
const all = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const unknown = wanted.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No benchmark named ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : all) {
  console.log(`\n# ${name}`);
  run(node, [join('bench', `${name}.ts`)]);
}
