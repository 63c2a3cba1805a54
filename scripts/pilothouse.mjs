#!/usr/bin/env node
// `npx pilothouse …`: installs and builds what is missing, then is the command line, on the project's own Node.
import { become } from './become.mjs';
import { build, entry } from './build.mjs';
import { environment, install, node } from './install.mjs';

install();
build();
become(node, [entry, ...process.argv.slice(2)], environment);
