import { open } from 'node:fs/promises';

const readBytes = 256 * 1024;

/** The end of a container's log as text, without the runtime's marks; empty if there is no log. */
export async function readLastLines(
  path: string,
  { lines, bytes }: { readonly lines: number; readonly bytes: number },
): Promise<string> {
  const handle = await open(path, 'r').catch(() => undefined); // a container that never ran has no log
  if (!handle) return '';
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - readBytes);
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(size - from),
      0,
      size - from,
      from,
    );
    const records = buffer.toString('utf8', 0, bytesRead).split('\n');
    if (from > 0) records.shift();
    const text = textOf(records.filter(Boolean).slice(-lines));
    return Buffer.from(text).subarray(-bytes).toString('utf8');
  } finally {
    await handle.close();
  }
}

/** `TIME STREAM P|F TEXT`: partial lines go on in the next record. */
function textOf(records: readonly string[]): string {
  let text = '';
  for (const record of records) {
    const [, , tag = '', ...rest] = record.split(' ');
    text += rest.join(' ') + (tag.startsWith('P') ? '' : '\n');
  }
  return text;
}
