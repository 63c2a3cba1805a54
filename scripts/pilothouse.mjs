#!/usr/bin/env node
// `npx pilothouse …`: installs and builds what is missing, then is the command line, on the project's own Node.
import { spawn } from 'node:child_process';
import { build, entry } from './build.mjs';
import { environment, install, node } from './install.mjs';

install();
build();
const child = spawn(node, [entry, ...process.argv.slice(2)], {
  env: environment,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`Cannot run ${node}: ${error.message}`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
});
