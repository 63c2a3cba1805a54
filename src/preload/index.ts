import { ipcRenderer } from 'electron';

/** The page asks for its way to the app and gets one port; nothing else crosses here. */
window.addEventListener('message', ({ data, source }) => {
  if (source !== window || data !== 'pilothouse-connect') return;
  const { port1, port2 } = new MessageChannel();
  ipcRenderer.postMessage('connect', undefined, [port1]);
  window.postMessage('pilothouse-port', location.origin, [port2]);
});
