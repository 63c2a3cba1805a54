import * as v from 'valibot';
import { stream } from '#shared/contract/contract.ts';
import type { Activity } from '#shared/overview/activity.ts';
import type { Bar, NodeCapacity } from '#shared/overview/capacity.ts';
import type { Problem } from '#shared/overview/diagnoses/index.ts';

/** What is wrong, and how much there is. */
export interface ProblemsNow {
  /** The most costly first, as many as anybody reads. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
  /** How many of them are shown in each section. */
  readonly bySection: Readonly<Record<string, number>>;
  readonly nodeCount: number;
}

export interface OverviewNow {
  /** What all pods ask for against what all nodes can give. */
  readonly whole: readonly Bar[];
  /** Pods that no node has been found for yet. */
  readonly waitingPods: number;
  readonly fullest: readonly NodeCapacity[];
  readonly activity: readonly Activity[];
}

/** What the window may ask about the cluster as a whole; told again when it has changed. */
export const overviewOperations = {
  problems: stream(v.strictObject({})).yields<ProblemsNow>(),
  overview: stream(v.strictObject({})).yields<OverviewNow>(),
};
