import { createHash } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SnapshotCatalog, SnapshotEntry } from '#main/control-plane/etcd/snapshot/catalog.ts';
import {
  compareSnapshots,
  objectsInBoth,
  type ObjectPair,
} from '#main/control-plane/snapshots/compare.ts';
import { inOrder, restoreObject } from '#main/control-plane/snapshots/restore-objects.ts';
import { withoutValues } from '#main/control-plane/snapshots/hidden-values.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type {
  Restoration,
  SnapshotItem,
  SnapshotRules,
  SnapshotsNow,
  snapshotOperations,
} from '#shared/contract/snapshots.ts';
import { ApiError } from '#shared/kube/errors.ts';

export interface SnapshotServices {
  /** Throws while the control plane is being restarted. */
  catalog(): SnapshotCatalog;
  /** Writes the state as it is now to a file. */
  saveNow(file: string): Promise<unknown>;
  /** The API as the window's user. */
  readonly api: HttpTransport;
  readonly folder: string;
  readonly restorer: {
    readonly restoration: Restoration | undefined;
    begin(name: string): Promise<void>;
    dismiss(): Promise<void>;
  };
  /** Why the cluster cannot be restored from here; absent: it can. */
  readonly cannotRestore?: string;
  /** Remembers the rules for the next start. */
  saveRules(rules: SnapshotRules): Promise<void>;
  readonly clock: Clock;
}

/** Larger snapshots are imported with the command line. */
const maxImportBytes = 2 ** 31;
const exportChunkBytes = 1 << 20;
const lookMs = 1000;

/** Answers what the window asks about snapshots. */
export function snapshotHandlers(services: SnapshotServices): Handlers<typeof snapshotOperations> {
  const { catalog } = services;
  return {
    snapshots: (_input, { signal }) => changesOf(services, signal),
    takeSnapshot: async () => itemOf(catalog(), await catalog().save('manual')),
    async verifySnapshot({ name }) {
      const entry = await catalog().find(name);
      await catalog().verify(entry);
      return itemOf(catalog(), entry);
    },
    async deleteSnapshot({ name }) {
      await catalog().remove(await catalog().find(name));
      return null;
    },
    async setSnapshotRules(rules) {
      await catalog().setPlan({ intervalMs: rules.everyMinutes * 60_000, keep: rules.keep });
      await services.saveRules(rules);
      return rules;
    },
    ...comparing(services),
    ...restoring(services),
    ...carrying(services),
  };
}

type Comparing = 'snapshotDifferences' | 'snapshotObject' | 'restoreObjects';

function comparing(
  services: SnapshotServices,
): Pick<Handlers<typeof snapshotOperations>, Comparing> {
  const pairsOf = async (name: string, keys: readonly string[]): Promise<readonly ObjectPair[]> => {
    const { path } = await services.catalog().find(name);
    return withNow(services, (now) => objectsInBoth({ past: path, now }, keys));
  };
  return {
    async snapshotDifferences({ name }) {
      const { path } = await services.catalog().find(name);
      return withNow(services, (now) => compareSnapshots(path, now));
    },
    async snapshotObject({ name, key, reveal = false }) {
      const [pair] = await pairsOf(name, [key]);
      return withoutValues(pair ?? { key }, { reveal });
    },
    async restoreObjects({ name, keys, dryRun }) {
      const results = [];
      for (const pair of inOrder(await pairsOf(name, keys)))
        results.push(await restoreObject(services.api, pair, { dryRun }));
      return results;
    },
  };
}

function restoring({
  restorer,
  cannotRestore,
}: SnapshotServices): Pick<
  Handlers<typeof snapshotOperations>,
  'restoreSnapshot' | 'dismissRestoration'
> {
  return {
    async restoreSnapshot({ name }) {
      if (cannotRestore !== undefined) throw new ApiError('BadRequest', cannotRestore);
      await restorer.begin(name);
      return null;
    },
    async dismissRestoration() {
      await restorer.dismiss();
      return null;
    },
  };
}

function carrying({
  catalog,
  folder,
}: SnapshotServices): Pick<
  Handlers<typeof snapshotOperations>,
  'exportSnapshot' | 'importSnapshot'
> {
  const uploads = new Map<string, string>();
  return {
    async *exportSnapshot({ name }) {
      const { path } = await catalog().find(name);
      yield* piecesOf(path);
    },
    async importSnapshot({ upload, chunk, isLast }) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const scratch = uploads.get(upload) ?? (await mkdtemp(join(folder, '.import-')));
      uploads.set(upload, scratch);
      const file = join(scratch, 'snapshot.db');
      try {
        await appendChunk(file, chunk);
        if (!isLast) return null;
        const item = await itemOf(catalog(), await catalog().import(file));
        await forget(uploads, upload);
        return item;
      } catch (error) {
        await forget(uploads, upload);
        throw error;
      }
    },
  };
}

/** Looked at once a second; told when it is not as it was. */
async function* changesOf(
  services: SnapshotServices,
  signal: AbortSignal,
): AsyncGenerator<SnapshotsNow, never> {
  let last = '';
  let known: Pick<SnapshotsNow, 'snapshots' | 'rules'> | undefined;
  for (;;) {
    const { folder, cannotRestore, restorer } = services;
    const { restoration } = restorer;
    known = await listed(services, known);
    const now: SnapshotsNow = {
      ...known,
      folder,
      ...(cannotRestore !== undefined && { cannotRestore }),
      ...(restoration && { restoration }),
    };
    const text = JSON.stringify(now);
    const digest = createHash('sha256').update(text).digest('hex');
    if (digest !== last) yield now;
    last = digest;
    await sleep(services.clock, restoration?.state === 'running' ? lookMs / 5 : lookMs, signal);
  }
}

/** While the control plane is away, what was known stays. */
async function listed(
  { catalog }: SnapshotServices,
  known: Pick<SnapshotsNow, 'snapshots' | 'rules'> | undefined,
): Promise<Pick<SnapshotsNow, 'snapshots' | 'rules'>> {
  try {
    const current = catalog();
    const { intervalMs, keep } = current.plan;
    const entries = await current.list();
    const snapshots = await Promise.all(entries.map((entry) => itemOf(current, entry)));
    return { snapshots, rules: { everyMinutes: intervalMs / 60_000, keep } };
  } catch (error) {
    if (known && ApiError.is(error, 'ServiceUnavailable')) return known;
    throw error;
  }
}

async function itemOf(catalog: SnapshotCatalog, entry: SnapshotEntry): Promise<SnapshotItem> {
  const { path, kind, takenAt, revision, bytes } = entry;
  const evidence = await catalog.evidence(entry);
  return {
    name: basename(path),
    kind,
    takenAt,
    revision,
    bytes,
    ...(evidence && {
      proof: {
        at: evidence.verifiedAt,
        keys: evidence.liveKeys,
        hash: evidence.hash.toString(16).padStart(8, '0'),
      },
    }),
    ...(evidence?.changed !== undefined && { changed: evidence.changed }),
  };
}

/** What is there now, as a file that is gone afterwards. */
async function withNow<T>(
  { folder, saveNow }: SnapshotServices,
  use: (file: string) => Promise<T>,
): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const scratch = await mkdtemp(join(folder, '.now-'));
  try {
    const file = join(scratch, 'now.db');
    await saveNow(file);
    return await use(file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function* piecesOf(path: string): AsyncGenerator<string, void> {
  await using file = await open(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(exportChunkBytes);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead).toString('base64');
  }
}

async function appendChunk(file: string, base64: string): Promise<void> {
  await appendFile(file, Buffer.from(base64, 'base64'), { mode: 0o600 });
  await using opened = await open(file, 'r');
  const { size } = await opened.stat();
  if (size > maxImportBytes)
    throw new ApiError(
      'RequestEntityTooLarge',
      'Cannot import more than 2 GiB through the window; copy the file into the folder of snapshots',
    );
}

async function forget(uploads: Map<string, string>, upload: string): Promise<void> {
  const folder = uploads.get(upload);
  uploads.delete(upload);
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
