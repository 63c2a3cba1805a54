import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settingsHandlers } from '#main/window/settings.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pilothouse-settings-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const context = { signal: new AbortController().signal };

test('keys that somebody chose are kept', async () => {
  const handlers = settingsHandlers({ keysFile: join(folder, 'keys.yaml') });
  expect(await handlers.ownKeys({}, context)).toEqual({});
  await handlers.saveOwnKeys({ keys: { d: 'Delete', 'g w': 'g l' } }, context);
  expect(await handlers.ownKeys({}, context)).toEqual({ d: 'Delete', 'g w': 'g l' });
});

test('a file that holds anything else is told of by its name', async () => {
  const keysFile = join(folder, 'other.yaml');
  await writeFile(keysFile, '- d\n');
  const handlers = settingsHandlers({ keysFile });
  await expect(handlers.ownKeys({}, context)).rejects.toThrow(keysFile);
});
