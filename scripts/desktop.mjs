// Finds the Electron that the desktop shell can run in here, if there is one.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment, node, root } from './install.mjs';

/** The first Electron whose own Node (24) runs the cluster. */
const firstWithNode24 = 40;

/** How to start the desktop shell; undefined, with a word to the user where that helps, if it cannot be. */
export function desktop() {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return undefined;
  const found = electron();
  if (!found) return undefined;
  if (process.getuid?.() === 0 && !process.env.ELECTRON_DISABLE_SANDBOX) {
    console.error(
      'The desktop window needs a user other than root for its sandbox; the browser is served instead.',
    );
    return undefined;
  }
  const needsNode = found.major < firstWithNode24 && !process.env.PILOTHOUSE_NODE;
  return {
    command: found.binary,
    args: [root],
    environment: { ...environment, ...(needsNode && { PILOTHOUSE_NODE: node }) },
  };
}

/** npm's own Electron, once its binary has been fetched, or the one that the environment names. */
function electron() {
  const own = join(root, 'node_modules', 'electron');
  const pathFile = join(own, 'path.txt');
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8') : 'electron';
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH || join(own, 'dist');
  const binary = join(folder, name);
  if (!existsSync(binary)) return undefined;
  const versionFile = join(folder, 'version');
  const version = existsSync(versionFile) ? readFileSync(versionFile, 'utf8') : '';
  return { binary, major: Number.parseInt(version.replace(/^v/, ''), 10) || Infinity };
}
