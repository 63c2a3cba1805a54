// `npm start -- ARGS`: installs and builds what is missing, then is `pilothouse up ARGS`: in a desktop
// window where there is an Electron and a screen for it, else with the window served to the browser.
import { build } from './build.mjs';
import { desktop } from './desktop.mjs';
import { install } from './install.mjs';
import { become } from './become.mjs';

const args = process.argv.slice(2);
const isWindowless = ['--no-window', '--help', '-h'].some((flag) => args.includes(flag));

install();
const shell = isWindowless ? undefined : desktop();
if (shell) {
  build();
  become(shell.command, [...shell.args, '--', ...args], shell.environment);
} else {
  process.argv.splice(2, 0, 'up');
  await import('./pilothouse.mjs');
}
