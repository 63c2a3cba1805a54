import { BrowserWindow, ipcMain, session, shell, type MessagePortMain } from 'electron';
import { pageUrl } from './assets.ts';

/** The window: sandboxed and isolated, without Node, without navigation, without further windows. */
export function openWindow(preload: string): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    minWidth: 800,
    minHeight: 500,
    show: false,
    autoHideMenuBar: true,
    title: 'Pilothouse',
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: false,
    },
  });
  const { webContents } = window;
  webContents.on('will-navigate', (event, url: string | undefined) => {
    const target = url ?? (event as unknown as { url: string }).url;
    if (!target.startsWith(pageUrl)) event.preventDefault();
  });
  webContents.on('will-attach-webview', (event) => event.preventDefault());
  webContents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url);
    return { action: 'deny' };
  });
  window.once('ready-to-show', () => window.show());
  void window.loadURL(pageUrl);
  return window;
}

/** No page may ask for the camera, the location or anything else but the clipboard. */
export function refusePermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) =>
    answer(permission === 'clipboard-sanitized-write'),
  );
}

/** Hands over the app's end of the port whenever our own page asks for a way in. */
export function acceptPorts(onPort: (window: number, port: MessagePortMain) => void): void {
  let last = 0;
  ipcMain.on('connect', ({ senderFrame, ports }) => {
    const [port] = ports;
    if (port && senderFrame?.url.startsWith(pageUrl)) onPort(++last, port);
    else for (const each of ports) each.close();
  });
}
