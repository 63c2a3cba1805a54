import type { Change, RestoreStepId, SnapshotKind } from '#shared/contract/snapshots.ts';

/** How each kind of snapshot is called, and the shape that stands for it. */
export const kindWords: Readonly<
  Record<SnapshotKind, { readonly title: string; readonly mark: string; readonly why: string }>
> = {
  scheduled: { title: 'scheduled', mark: '●', why: 'Taken by itself, because something changed' },
  manual: { title: 'manual', mark: '◆', why: 'Somebody asked for it' },
  precaution: { title: 'pre-change', mark: '▲', why: 'Taken before something risky' },
  imported: { title: 'imported', mark: '▼', why: 'A file from elsewhere' },
};

export const changeWords: Readonly<
  Record<Change, { readonly mark: string; readonly sentence: string; readonly tone: string }>
> = {
  gone: { mark: '−', sentence: 'was there, is gone now', tone: 'bad' },
  new: { mark: '+', sentence: 'is there now, was not then', tone: 'good' },
  changed: { mark: '~', sentence: 'is not as it was', tone: 'attention' },
};

export const stepTitles: Readonly<Record<RestoreStepId, string>> = {
  verify: 'Verify the snapshot in a scratch store',
  precaution: 'Keep what is there now as a snapshot',
  stop: 'Stop the control plane',
  exchange: 'Put the snapshot in the place of the store',
  start: 'Start the control plane on it',
  nodes: 'Wait until the nodes have come back',
};

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.4 MiB`: never more than three digits. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
