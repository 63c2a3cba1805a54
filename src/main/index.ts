import { join } from 'node:path';
import { app, Notification, powerMonitor, type BrowserWindow, type Tray } from 'electron';
import { registerScheme, serveAssets } from '#main/desktop/assets.ts';
import { setMenu } from '#main/desktop/menu.ts';
import { supervise, type Supervisor } from '#main/desktop/supervisor.ts';
import { createTray } from '#main/desktop/tray.ts';
import { acceptPorts, openWindow, refusePermissions } from '#main/desktop/window.ts';

/**
 * The desktop shell. It knows nothing of Kubernetes: it runs the cluster's process, gives windows a
 * port to it, and stays in the tray. Whatever goes wrong here must end the process, for Electron's
 * own answer to an uncaught error is a dialog that waits for ever.
 */
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

let window: BrowserWindow | undefined;
let tray: Tray | undefined;
let supervisor: Supervisor | undefined;
let quitting: 'no' | 'stopping' | 'stopped' = 'no';

registerScheme();
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else {
  note('Pilothouse is running already: its window has been brought to the front');
  app.quit();
}

function start(): void {
  setMenu();
  refusePermissions();
  serveAssets(join(__dirname, '../renderer'));
  supervisor = supervise({
    entry: join(__dirname, '../cli/supervised.js'),
    args: clusterArguments(process.argv),
    node: process.env['PILOTHOUSE_NODE'] || undefined,
    onEnded: tellOfEnd,
    onImpossible(why) {
      note(why);
      app.exit(2);
    },
    onRefused: (why) => note(`Refused ${why}`),
  });
  acceptPorts(supervisor.connect);
  show();
  tray = createTray(join(__dirname, '../../resources/icon.png'), {
    open: show,
    quit: () => app.quit(),
  });
  for (const state of ['suspend', 'resume'] as const) {
    powerMonitor.on(state as 'suspend', () => supervisor?.tell({ type: 'power', state }));
  }
  app.on('second-instance', show);
  app.on('activate', show);
  app.on('window-all-closed', () => {}); // the cluster runs on, in the tray
  app.on('before-quit', (event) => {
    if (quitting === 'stopped') return;
    event.preventDefault();
    if (quitting === 'stopping') return;
    quitting = 'stopping';
    void quit();
  });
}

/** The cluster first, then the shell. */
async function quit(): Promise<void> {
  await supervisor?.stop();
  // Electron takes no wish to quit while it is still hearing the answer to the last one.
  await new Promise((resolve) => setImmediate(resolve));
  quitting = 'stopped';
  app.quit();
}

/** What stands behind `--` is the cluster's; what stands before it is Electron's and Chromium's. */
function clusterArguments(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--');
  return at < 0 ? [] : argv.slice(at + 1);
}

function tellOfEnd(why: string): void {
  note(`The cluster stopped and is starting again. ${why}`);
  if (!Notification.isSupported()) return;
  const body = `${why}. Nothing that was acknowledged is lost.`;
  new Notification({ title: 'The cluster stopped and is starting again', body }).show();
}

function show(): void {
  if (!window || window.isDestroyed()) window = openWindow(join(__dirname, '../preload/index.cjs'));
  else {
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }
}

function note(text: string): void {
  process.stderr.write(`pilothouse: ${text}\n`);
}

function fail(error: unknown): void {
  note((error instanceof Error && error.stack) || String(error));
  tray?.destroy();
  app.exit(1);
}
