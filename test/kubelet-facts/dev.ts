import { startKubeletRig } from '../support/kubelet/rig.ts';
import { compare } from './compare.ts';
import { readScenarios } from './facts.ts';
import { play } from './player.ts';
import { writeFileSync } from 'node:fs';
const wanted = process.argv.slice(2);
const all = readScenarios().filter(
  (s) => !JSON.stringify(s.pod).includes('$AGNHOST') && !JSON.stringify(s.pod).includes('$NONROOT'),
);
const chosen = all
  .filter((s) => wanted.includes('all') || wanted.includes(s.name) || wanted.includes(s.family))
  .filter(
    (s) =>
      !wanted.includes('-' + s.name) &&
      !(wanted.includes('all') && !wanted.includes('long') && s.long),
  );
const rig = await startKubeletRig();
console.log('rig up', chosen.length);
const queue = [...chosen];
let ok = 0;
const bad: string[] = [];
async function work() {
  for (let s = queue.shift(); s; s = queue.shift()) {
    try {
      const t = Date.now();
      const played = await play(s, rig);
      const diff = compare(s, played);
      if (diff.length === 0) ok++;
      else {
        bad.push(s.name);
        console.log(
          `## ${s.name} (${((Date.now() - t) / 1000).toFixed(1)}s)\n   ${diff.map((d) => d.slice(0, 600)).join('\n   ')}`,
        );
      }
    } catch (e) {
      bad.push(s.name);
      console.log('##', s.name, 'threw', (e as Error).stack);
    }
  }
}
await Promise.all(Array.from({ length: Number(process.env.N ?? 4) }, work));
console.log('OK', ok, 'of', chosen.length, 'bad:', bad.join(' '));
writeFileSync('/tmp/kubelet.log', await rig.log());
await rig[Symbol.asyncDispose]();
process.exit(0);
