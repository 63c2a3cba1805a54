import type { SnapshotItem } from '#shared/contract/snapshots.ts';
import type { App } from '../../app/connection.ts';

const chunkBytes = 1 << 20;

/** Sends a file piece by piece; `report` is told the share that has gone. */
export async function importFile(
  app: App,
  file: Blob,
  report: (share: number) => void,
): Promise<SnapshotItem> {
  const upload = crypto.randomUUID();
  for (let at = 0; ; at += chunkBytes) {
    const piece = await file.slice(at, at + chunkBytes).arrayBuffer();
    const isLast = at + chunkBytes >= file.size;
    const item = await app.importSnapshot({ upload, chunk: base64Of(piece), isLast });
    report(Math.min(1, (at + chunkBytes) / file.size));
    if (isLast && item) return item;
    if (isLast) throw new Error('The file has been sent, and nothing became of it');
  }
}

/** Fetches a snapshot and gives it to the browser to keep, under its own name. */
export async function exportFile(
  app: App,
  { name, bytes }: SnapshotItem,
  report: (share: number) => void,
): Promise<void> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  for await (const piece of app.exportSnapshot({ name })) {
    const decoded = bytesOf(piece);
    pieces.push(decoded);
    received += decoded.length;
    report(received / bytes);
  }
  const url = URL.createObjectURL(new Blob(pieces, { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

const lettersAtOnce = 0x8000;

function base64Of(buffer: ArrayBuffer): string {
  const bytes = new Uint8Array(buffer);
  let text = '';
  for (let at = 0; at < bytes.length; at += lettersAtOnce)
    text += String.fromCharCode(...bytes.subarray(at, at + lettersAtOnce));
  return btoa(text);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
