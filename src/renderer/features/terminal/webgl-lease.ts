import { WebglAddon } from '@xterm/addon-webgl';
import type { Terminal } from '@xterm/xterm';

/** A page has about 16 contexts, which others want, too. */
const mostLeases = 6;
let leases = 0;

/**
 * Draws the terminal with WebGL for as long as it is lent; where that is not to be had, xterm draws
 * by itself.
 */
export function leaseWebGl(terminal: Terminal): Disposable {
  if (leases >= mostLeases) return { [Symbol.dispose]: () => {} };
  leases++;
  let addon: WebglAddon | undefined = new WebglAddon();
  const end = (): void => {
    if (!addon) return;
    leases--;
    addon.dispose();
    addon = undefined;
  };
  try {
    addon.onContextLoss(end);
    terminal.loadAddon(addon);
  } catch {
    // No WebGL here: the slower way shows the same.
    end();
  }
  return { [Symbol.dispose]: end };
}
