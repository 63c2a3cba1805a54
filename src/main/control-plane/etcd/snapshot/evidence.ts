import { open, readFile, rename, rm } from 'node:fs/promises';
import type { SnapshotStatus } from './read.ts';

/** What a verification of a snapshot showed; kept beside the file, as `<file>.proof`. */
export interface SnapshotEvidence {
  /** Milliseconds since 1970. */
  readonly verifiedAt: number;
  readonly hash: number;
  readonly revision: number;
  readonly liveKeys: number;
  /** Keys that are not as in the snapshot before it; absent when there was none. */
  readonly changed?: number;
}

export function evidenceOf(
  { hash, revision, liveKeys }: SnapshotStatus,
  { verifiedAt, changed }: { readonly verifiedAt: number; readonly changed?: number | undefined },
): SnapshotEvidence {
  return { verifiedAt, hash, revision, liveKeys, ...(changed !== undefined && { changed }) };
}

export function evidencePath(snapshot: string): string {
  return `${snapshot}.proof`;
}

/** Absent when the snapshot has not been verified, or when what was written cannot be read. */
export async function readEvidence(snapshot: string): Promise<SnapshotEvidence | undefined> {
  try {
    return JSON.parse(await readFile(evidencePath(snapshot), 'utf8')) as SnapshotEvidence;
  } catch {
    // A proof that cannot be read proves nothing: the snapshot counts as not verified.
    return undefined;
  }
}

export async function writeEvidence(snapshot: string, evidence: SnapshotEvidence): Promise<void> {
  const path = evidencePath(snapshot);
  const part = `${path}.part`;
  try {
    await using file = await open(part, 'w', 0o600);
    await file.writeFile(JSON.stringify(evidence));
    await file.sync();
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
