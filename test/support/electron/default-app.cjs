// Electron's own starter, which packaged applications leave out: runs the modules named with `-r`, then
// the application whose folder is named next. Plain CommonJS for the Node 16 inside Electron 22.
const { app } = require('electron');
const { readFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const early = [];
let folder;
for (let at = 1; at < process.argv.length && folder === undefined; at++) {
  const argument = process.argv[at];
  if (argument === '-r') early.push(process.argv[++at]);
  else if (!argument.startsWith('-')) folder = resolve(argument);
}
if (folder === undefined) {
  process.stderr.write('electron: name the folder of an application\n');
  process.exit(2);
}
for (const module of early) require(module);
const { name, version, main } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
app.setName(name);
app.setVersion(version);
app.setAppPath(folder);
require(join(folder, main));
