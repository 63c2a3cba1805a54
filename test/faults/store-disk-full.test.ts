import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbeddedStore, type EmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { StoreError } from '#main/control-plane/etcd/store.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'pilothouse-full-'));
beforeAll(() => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', folder]);
});
afterAll(() => {
  execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
});

test('a full disk refuses writes clearly, keeps reads, and heals once there is room', async () => {
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024));
  const value = Buffer.alloc(10_000, 'x');
  const kept = new Map<string, number>();
  const write = async (store: EmbeddedStore, key: string): Promise<void> => {
    const { revision } = await store.txn({ success: [{ type: 'put', key, value }] });
    kept.set(key, revision);
  };
  {
    await using store = await openStore();
    const failure = await fillUp(store, write);
    expect(failure).toMatchObject({
      code: 'noSpace',
      message: expect.stringMatching(/disk is full; free some space/) as string,
    });
    const atFull = store.revision;
    expect(await modRevisions(store)).toEqual(kept);
    expect((await store.status()).noSpace).toBe(true);

    rmSync(ballast);
    // By itself, without anybody writing.
    await until(async () => !(await store.status()).noSpace);
    await write(store, 'after');
    expect(kept.get('after')).toBe(atFull + 1);
    await fillUp(store, write);
    expect(await modRevisions(store)).toEqual(kept);
  }
  await using again = await openStore();
  expect(await modRevisions(again)).toEqual(kept);
});

/** Four writers until all are refused. */
async function fillUp(
  store: EmbeddedStore,
  write: (store: EmbeddedStore, key: string) => Promise<void>,
): Promise<unknown> {
  const run = async (writer: number): Promise<unknown> => {
    for (let i = 0; ; i++) {
      try {
        await write(store, `${store.revision}/${writer}/${i}`);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return error;
      }
    }
  };
  const failures = await Promise.all([0, 1, 2, 3].map(run));
  return failures[0];
}

async function modRevisions(store: EmbeddedStore): Promise<Map<string, number>> {
  const { kvs } = await store.range({ key: '\0', rangeEnd: '\0' });
  return new Map(kvs.map(({ key, modRevision }) => [key, modRevision]));
}

function openStore(): Promise<EmbeddedStore> {
  return openEmbeddedStore({ path: join(folder, 'state.db'), clock: systemClock, log: silentLog });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}
