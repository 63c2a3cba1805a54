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
import type { Restoration, RestoreStep } from '#shared/contract/snapshots.ts';
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
    case 'restore':
      await restore(profile, file, { tell, terminal, json: command.json });
      break;
    case 'save':
      await save(profile, command.file, tell);
      break;
  }
  return exitCodes.done;
}

interface Telling {
  readonly tell: Tell;
  readonly terminal: Terminal;
  readonly json: boolean;
}

/** Where the cluster runs, it restores itself step by step; otherwise the store is exchanged for it. */
async function restore(
  profile: ClusterProfile,
  file: string,
  { tell, terminal, json }: Telling,
): Promise<void> {
  const { name } = profile;
  const begun = new Set<string>();
  const onProgress = ({ steps }: Restoration): void => {
    // Of steps that follow each other quickly only the last may be heard of while it runs.
    for (const step of steps) {
      if (step.state === 'waiting' || begun.has(step.id)) continue;
      begun.add(step.id);
      terminal.note(json ? JSON.stringify(step) : `  ${stepText(step)}`);
    }
  };
  const question = { type: 'restore', file } as const;
  const signal = terminal.interrupted;
  const restoration = await askControl(profile.control, question, { onProgress, signal });
  if (!restoration) {
    const report = await restoreSnapshot({ snapshot: file, store: profile.state });
    const { liveKeys, newRevision } = report;
    tell(
      { name, file, ...report },
      `Cluster ${name} has the state of ${file}: ${liveKeys} keys, now at revision ${newRevision}`,
    );
    return;
  }
  onProgress(restoration);
  if (restoration.state !== 'done')
    throw new Error(`Cluster ${name} has not been restored: ${whyNot(restoration)}`);
  const details = restoration.steps.map((step) => `  ${stepText(step)}`);
  tell(
    { name, file, ...restoration },
    [`Cluster ${name} has the state of ${file}:`, ...details].join('\n'),
  );
}

function stepText({ id, detail = '' }: RestoreStep): string {
  return `${id.padEnd(12)} ${detail}`.trimEnd();
}

function whyNot({ steps }: Restoration): string {
  const failed = steps.find(({ state }) => state === 'failed');
  return failed
    ? `${failed.id}: ${failed.detail ?? 'it failed'}`
    : 'it broke off; restore it again';
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
