import { existsSync } from 'node:fs';
import { askControl, type SavedSnapshot } from '#main/clusters/control-socket.ts';
import { clusterProfile, type ClusterProfile } from '#main/clusters/profile.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { SnapshotCommand } from '#main/config.ts';
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import {
  SnapshotCatalog,
  snapshotsIn,
  takeSnapshot,
} from '#main/control-plane/etcd/snapshot/catalog.ts';
import { readSnapshot, type SnapshotStatus } from '#main/control-plane/etcd/snapshot/read.ts';
import { restoreSnapshot, verifySnapshot } from '#main/control-plane/etcd/snapshot/restore.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

type Tell = (value: object, text: string) => void;

/** Saves, lists, inspects, verifies and restores snapshots. */
export async function snapshot(command: SnapshotCommand, terminal: Terminal): Promise<ExitCode> {
  const profile = clusterProfile(command.home, command.name, command.dataDir);
  const tell: Tell = (value, text) => terminal.out(command.json ? JSON.stringify(value) : text);
  const { file = '' } = command;
  switch (command.action) {
    case 'list':
      await list(profile, tell);
      break;
    case 'status':
      tellStatus(tell, await readSnapshot(file));
      break;
    case 'verify': {
      const status = await verifySnapshot(file);
      tell(
        { file, verified: true, ...status },
        `${file} is whole: ${status.liveKeys} keys at revision ${status.revision}`,
      );
      break;
    }
    case 'restore': {
      if (await askControl(profile.control, { type: 'status' }))
        throw new Error(
          `Cannot restore cluster ${command.name} while it is running; stop it with "pilothouse down --name ${command.name}"`,
        );
      const report = await restoreSnapshot({ snapshot: file, store: profile.state });
      tell(
        { name: command.name, file, ...report },
        `Cluster ${command.name} has the state of ${file}: ${report.liveKeys} keys, now at revision ${report.newRevision}`,
      );
      break;
    }
    case 'save':
      await save(profile, command.file, tell);
      break;
  }
  return exitCodes.done;
}

/** Where the cluster runs, it saves; otherwise the store is opened for it. */
async function save(profile: ClusterProfile, file: string | undefined, tell: Tell): Promise<void> {
  const question = { type: 'snapshot', ...(file !== undefined && { file }) } as const;
  const saved = (await askControl(profile.control, question)) ?? (await saveStopped(profile, file));
  tell(saved, `Saved ${saved.path}: revision ${saved.revision}, ${saved.bytes} bytes`);
}

async function saveStopped(
  profile: ClusterProfile,
  file: string | undefined,
): Promise<SavedSnapshot> {
  if (!existsSync(profile.state))
    throw new Error(
      `There is no cluster ${profile.name} in ${profile.folder}: nothing to save; see "pilothouse status"`,
    );
  const clock = systemClock;
  const log = silentLog;
  await using store = await openEmbeddedStore({ path: profile.state, clock, log });
  return takeSnapshot(new SnapshotCatalog({ folder: profile.snapshots, store, clock, log }), {
    store,
    file,
  });
}

async function list(profile: ClusterProfile, tell: Tell): Promise<void> {
  const entries = await snapshotsIn(profile.snapshots);
  const rows = entries.map(
    ({ path, kind, takenAt, revision, bytes }) =>
      `${new Date(takenAt).toISOString()}  ${kind.padEnd(10)}  r${revision}  ${bytes}  ${path}`,
  );
  tell(entries, rows.length > 0 ? rows.join('\n') : `No snapshots in ${profile.snapshots}`);
}

function tellStatus(tell: Tell, status: SnapshotStatus): void {
  const { hash, revision, totalKeys, totalBytes } = status;
  tell(
    status,
    `hash ${hash.toString(16)}, revision ${revision}, ${totalKeys} keys, ${totalBytes} bytes`,
  );
}
