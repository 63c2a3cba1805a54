import { useTasks, type RunningTask } from '../../app/tasks.ts';
import type { RunningStep } from './adding.ts';

/** A task whose end is told from outside. */
export interface OpenTask extends RunningTask {
  /** Well, unless there is a problem. */
  end(problem: string): void;
  /** As somebody wanted it: that needs no notice. */
  cancel(why: string): void;
}

export function openTask(title: string): OpenTask {
  const ended = Promise.withResolvers<void>();
  let running: RunningTask | undefined;
  void useTasks().run(title, (task) => {
    running = task;
    return ended.promise;
  });
  return {
    report: (now) => running?.report(now),
    end(problem) {
      if (problem) ended.reject(new Error(problem));
      else ended.resolve();
    },
    cancel(why) {
      running?.report({ detail: why });
      ended.resolve();
    },
  };
}

/** How far steps are: those done of all, and what the running one said last. */
export function progressOf({
  steps,
}: {
  readonly steps: readonly RunningStep[];
}): Parameters<RunningTask['report']>[0] {
  const running = steps.find(({ state }) => state === 'running');
  const done = steps.filter(({ state }) => state === 'done').length;
  return {
    progress: steps.length === 0 ? 0 : done / steps.length,
    detail: running ? [running.step, running.output.at(-1)].filter(Boolean).join(': ') : '',
  };
}
