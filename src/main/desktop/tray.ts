import { Menu, nativeImage, Tray } from 'electron';

export interface TrayActions {
  open(): void;
  quit(): void;
}

/** The icon that stays when the window is closed: the cluster runs on. */
export function createTray(icon: string, { open, quit }: TrayActions): Tray {
  const tray = new Tray(nativeImage.createFromPath(icon));
  tray.setToolTip('Pilothouse: the cluster is running');
  tray.setContextMenu(
    Menu.buildFromTemplate([
      { label: 'Open Pilothouse', click: open },
      { type: 'separator' },
      { label: 'Stop the cluster and quit', click: quit },
    ]),
  );
  tray.on('click', open);
  return tray;
}
