import { join } from 'node:path';
import { app, Notification, powerMonitor, type BrowserWindow, type Tray } from 'electron';
import { registerScheme, serveAssets } from '#main/desktop/assets.ts';
import {
  startControlPlane,
  type ControlPlaneProcess,
} from '#main/desktop/control-plane-process.ts';
import { setMenu } from '#main/desktop/menu.ts';
import { createTray } from '#main/desktop/tray.ts';
import { acceptPorts, openWindow, refusePermissions } from '#main/desktop/window.ts';

/**
 * The desktop shell. It knows nothing of Kubernetes: it runs the cluster's process, gives windows a
 * port to it, and stays in the tray. Whatever goes wrong here must end the process, for Electron's
 * own answer to an uncaught error is a dialog that waits for ever.
 */
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

const restartMs = 1_000;

let window: BrowserWindow | undefined;
let tray: Tray | undefined;
let controlPlane: ControlPlaneProcess | undefined;
let isQuitting = false;

registerScheme();
if (app.requestSingleInstanceLock()) void app.whenReady().then(start);
else app.quit();

function start(): void {
  setMenu();
  refusePermissions();
  serveAssets(join(__dirname, '../renderer'));
  acceptPorts((id, port) => {
    if (controlPlane) controlPlane.connect(id, port);
    else port.close();
  });
  supervise();
  show();
  tray = createTray(join(__dirname, '../../resources/icon.png'), {
    open: show,
    quit: () => app.quit(),
  });
  for (const state of ['suspend', 'resume'] as const) {
    powerMonitor.on(state as 'suspend', () => controlPlane?.tell({ type: 'power', state }));
  }
  app.on('second-instance', show);
  app.on('activate', show);
  app.on('window-all-closed', () => {}); // the cluster runs on, in the tray
  app.on('before-quit', (event) => {
    if (isQuitting) return;
    isQuitting = true;
    event.preventDefault();
    void (controlPlane?.stop() ?? Promise.resolve()).then(() => app.quit());
  });
}

/** Runs the cluster's process, and runs it again when it ends unasked. */
function supervise(): void {
  const started = startControlPlane({
    entry: join(__dirname, 'supervised.cjs'),
    args: process.argv.slice(app.isPackaged ? 1 : 2),
    node: process.env['PILOTHOUSE_NODE'],
    onReady: () => {},
  });
  controlPlane = started;
  void started.exited.then(restart);
}

function restart(reason: string): void {
  controlPlane = undefined;
  if (isQuitting) return;
  new Notification({
    title: 'The cluster stopped and is starting again',
    body: `Its process ended: ${reason}. Nothing that was acknowledged is lost.`,
  }).show();
  setTimeout(supervise, restartMs);
}

function show(): void {
  if (!window || window.isDestroyed()) window = openWindow(join(__dirname, '../preload/index.cjs'));
  else {
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  tray?.destroy();
  app.exit(1);
}
