import { defineStore } from 'pinia';
import type { OverviewNow, ProblemsNow } from '#shared/contract/overview.ts';
import { useStream, type StreamView } from '../../composables/use-stream.ts';

/** How the cluster is as a whole, as the app works it out; nothing is said before everything is known. */
export function useOverview(): StreamView<OverviewNow> {
  return useStream((app, signal) => app.overview({}, { signal }));
}

/** What is wrong, for all who show it. */
export const useProblems = defineStore('problems', (): StreamView<ProblemsNow> =>
  useStream((app, signal) => app.problems({}, { signal })),
);
