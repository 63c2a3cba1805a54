import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';

/** What is kept of a machine that was added as a node. No secrets. */
export interface NodeRecord {
  readonly name: string;
  /** Of this machine in this place: it stays through every rerun, and goes when it is removed. */
  readonly id: string;
  readonly machine:
    | { readonly type: 'ssh'; readonly user: string; readonly host: string; readonly port: number }
    | { readonly type: 'local' };
}

export async function readNodes(folder: string): Promise<readonly NodeRecord[]> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw new Error(`Cannot read ${folder}: ${cause.message}`, { cause });
  });
  const files = names.filter((name) => name.endsWith('.yaml')).toSorted();
  const texts = await Promise.all(files.map((name) => readIfPresent(join(folder, name))));
  return texts.flatMap((text) => (text === undefined ? [] : [parse(text) as NodeRecord]));
}

export async function readNode(folder: string, name: string): Promise<NodeRecord | undefined> {
  return (await readNodes(folder)).find((record) => record.name === name);
}

export async function writeNode(folder: string, node: Omit<NodeRecord, 'id'>): Promise<void> {
  const known = await readNode(folder, node.name);
  const record: NodeRecord = { id: known?.id ?? randomUUID(), ...node };
  await writeAtomically(join(folder, `${record.name}.yaml`), stringify(record));
}

export async function removeNode(folder: string, name: string): Promise<void> {
  await rm(join(folder, `${name}.yaml`), { force: true });
}

export function describeMachine({ machine }: Pick<NodeRecord, 'machine'>): string {
  if (machine.type === 'local') return 'local';
  const host = machine.host.includes(':') ? `[${machine.host}]` : machine.host;
  return `ssh://${machine.user}@${host}:${machine.port}`;
}
