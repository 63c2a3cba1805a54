/** What processes take, and how a figure is told; from /proc, so on Linux only. */
import { readFileSync, readdirSync } from 'node:fs';

const ticksPerSecond = 100;

interface Comparison {
  readonly goal?: number;
  readonly unit: string;
  readonly rival?: number;
}

/** Under 1 is better than the goal, or than the rival. */
export function report(what: string, value: number, { goal, unit, rival }: Comparison): void {
  const ratios = [
    goal === undefined ? '' : `${ratio(value, goal)} of the goal of ${goal} ${unit}`,
    rival === undefined ? '' : `${ratio(value, rival)} of upstream's ${rival} ${unit}`,
  ].filter(Boolean);
  const compared = ratios.length > 0 ? ` (${ratios.join(', ')})` : '';
  console.log(`${what}: ${value.toFixed(2)} ${unit}${compared}`);
}

/** A goal of none at all is met by nothing else. */
function ratio(value: number, other: number): string {
  return (other === 0 ? 1 + value : value / other).toFixed(2);
}

/** Of the process and all that it started: processor time so far. */
export function cpuSeconds(pid: number): number {
  return treeOf(pid).reduce((sum, { user, system }) => sum + user + system, 0) / ticksPerSecond;
}

/** Of the process and all that it started: memory now, and the most that each has ever had. */
export function residentMiB(pid: number, which: 'now' | 'peak' = 'now'): number {
  const field = which === 'now' ? 'VmRSS' : 'VmHWM';
  return treeOf(pid).reduce((sum, { id }) => sum + statusField(id, field), 0) / 1024;
}

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly user: number;
  readonly system: number;
}

function treeOf(root: number): readonly Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processOf(Number(name)));
  const tree = all.filter(({ id }) => id === root);
  // A parent is in the list before its children are looked for.
  for (const { id } of tree) tree.push(...all.filter(({ parent }) => parent === id));
  return tree;
}

/** Nothing for one that has ended meanwhile. */
function processOf(id: number): readonly Process[] {
  const text = read(`/proc/${id}/stat`);
  if (text === undefined) return [];
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ');
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
  return [{ id, parent: parent!, user: user!, system: system! }];
}

function statusField(id: number, field: string): number {
  const text = read(`/proc/${id}/status`) ?? '';
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // ended since it was listed
  }
}
