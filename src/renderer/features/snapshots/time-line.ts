import type { SnapshotItem } from '#shared/contract/snapshots.ts';

export interface Bar {
  readonly name: string;
  readonly x: number;
  readonly height: number;
  readonly snapshot: SnapshotItem;
}

export interface Tick {
  readonly x: number;
  readonly text: string;
}

interface Frame {
  /** Milliseconds since 1970: the right end. */
  readonly now: number;
  readonly width: number;
  readonly height: number;
}

export const barWidth = 6;
const leastHeight = 3;
const leastSpanMs = 10 * 60_000;
const steps: readonly (readonly [number, string])[] = [
  [5 * 60_000, 'min'],
  [15 * 60_000, 'min'],
  [60 * 60_000, 'h'],
  [6 * 3_600_000, 'h'],
  [24 * 3_600_000, 'd'],
  [7 * 24 * 3_600_000, 'd'],
  [30 * 24 * 3_600_000, 'd'],
];
const unitMs: Readonly<Record<string, number>> = { min: 60_000, h: 3_600_000, d: 86_400_000 };
const mostTicks = 8;

/** The oldest first; heights grow with the logarithm of what changed. */
export function barsOf(snapshots: readonly SnapshotItem[], frame: Frame): readonly Bar[] {
  const most = Math.max(1, ...snapshots.map(({ changed = 0 }) => changed));
  return snapshots.toReversed().map((snapshot) => {
    const { name, takenAt, changed = 0 } = snapshot;
    const share = Math.log1p(changed) / Math.log1p(most);
    const height = leastHeight + share * (frame.height - leastHeight);
    return { name, x: placeOf(takenAt, snapshots, frame), height, snapshot };
  });
}

/** Round distances back from now: `2 h ago`. */
export function ticksOf(snapshots: readonly SnapshotItem[], frame: Frame): readonly Tick[] {
  const span = spanOf(snapshots, frame.now);
  const [stepMs, unit] = steps.find(([ms]) => span / ms <= mostTicks) ?? steps.at(-1)!;
  return Array.from({ length: Math.floor(span / stepMs) }, (_, index) => {
    const ago = (index + 1) * stepMs;
    return {
      x: placeOf(frame.now - ago, snapshots, frame),
      text: `${Math.round(ago / (unitMs[unit] ?? 1))} ${unit} ago`,
    };
  }).filter(({ x }) => x > 24);
}

function placeOf(time: number, snapshots: readonly SnapshotItem[], frame: Frame): number {
  const share = (frame.now - time) / spanOf(snapshots, frame.now);
  const room = frame.width - 2 * barWidth;
  return barWidth + room * (1 - Math.min(Math.max(share, 0), 1));
}

function spanOf(snapshots: readonly SnapshotItem[], now: number): number {
  const oldest = snapshots.at(-1)?.takenAt ?? now;
  return Math.max(now - oldest, leastSpanMs);
}
