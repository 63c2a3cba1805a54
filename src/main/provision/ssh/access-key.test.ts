import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAccessKey } from './access-key.ts';

test('whoever asks for a cluster’s key, at the same time or later, gets the same one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'access-key-'));
  try {
    const path = join(folder, 'ssh', 'id_ed25519');
    const opened = await Promise.all(Array.from({ length: 5 }, () => openAccessKey(path)));
    const keys = new Set([...opened, await openAccessKey(path)].map(({ publicKey }) => publicKey));
    expect([...keys]).toEqual([expect.stringMatching(/^ssh-ed25519 \S+ pilothouse$/)]);
    expect((await readdir(join(folder, 'ssh'))).toSorted()).toEqual([
      'id_ed25519',
      'id_ed25519.pub',
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
