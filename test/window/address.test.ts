import { createServer } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort, startPilothouse } from '../support/pilothouse.ts';

/** Where a browser finds what it kept for the window of the cluster in this home. */
async function windowPort(home: string, port: number): Promise<number> {
  await using app = await startPilothouse({ home, port, simulatedNodes: 0, window: true });
  return Number(new URL(app.windowUrl!).port);
}

test('A window is where it was, so that a browser finds its unfinished edits, unless somebody else is there', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pilothouse-window-'));
  const port = await freePort();
  const other = createServer();
  try {
    const first = await windowPort(home, port);
    expect(await windowPort(home, port)).toBe(first);
    other.listen(first, '127.0.0.1');
    await once(other, 'listening');
    const second = await windowPort(home, port);
    expect(second).not.toBe(first);
  } finally {
    other.close();
    await rm(home, { recursive: true, force: true });
  }
});
