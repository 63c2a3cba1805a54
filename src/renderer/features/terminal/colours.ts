import type { ITheme } from '@xterm/xterm';

/** The window's own colours, as a terminal takes them. */
export function coloursNow(): ITheme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    background: colour('background'),
    foreground: colour('text'),
    cursor: colour('accent'),
    cursorAccent: colour('background'),
    selectionBackground: colour('selection'),
    red: colour('bad'),
    green: colour('good'),
    yellow: colour('attention'),
    blue: colour('accent'),
    magenta: colour('simulated'),
    brightBlack: colour('text-quiet'),
  };
}

/** Tells whenever the window changes between light and dark. */
export function watchColours(changed: () => void): Disposable {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true });
  return { [Symbol.dispose]: () => observer.disconnect() };
}
