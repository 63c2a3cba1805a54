import { maxNodeScore } from './normalize.ts';

export interface ShapePoint {
  readonly utilization: number;
  readonly score: number;
}

/** Scores one resource of a node by what would be used of it; `capacity` is never 0. */
export type ResourceScore = (used: number, capacity: number) => number;

export const leastAllocated: ResourceScore = (used, capacity) =>
  used > capacity ? 0 : Math.trunc(((capacity - used) * maxNodeScore) / capacity);

export const mostAllocated: ResourceScore = (used, capacity) =>
  Math.trunc((Math.min(used, capacity) * maxNodeScore) / capacity);

/** Scores of a shape go from 0 to 10. */
const shapeScale = 10;

/** Utilization in percent, along the straight lines between the points of a shape. */
export function requestedToCapacityRatio(shape: readonly ShapePoint[]): ResourceScore {
  const points = shape.map(({ utilization, score }) => ({
    utilization,
    score: score * shapeScale,
  }));
  const scoreAt = (percent: number): number => {
    let before = points[0];
    if (!before || percent <= before.utilization) return before?.score ?? 0;
    for (const point of points) {
      if (percent <= point.utilization) {
        const rise = (point.score - before.score) * (percent - before.utilization);
        return before.score + Math.trunc(rise / (point.utilization - before.utilization));
      }
      before = point;
    }
    return before.score;
  };
  return (used, capacity) => scoreAt(used > capacity ? 100 : Math.trunc((used * 100) / capacity));
}
