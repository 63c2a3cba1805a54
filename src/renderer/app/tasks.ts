import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { systemClock } from '#shared/base/system-clock.ts';
import { messageOf } from '../composables/message-of.ts';
import { useNotices } from './notices.ts';

/** Something that takes a while. */
export interface Task {
  readonly id: number;
  /** What it does: `Delete 12 pods`. */
  readonly title: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: number;
  readonly endedAt?: number;
  /** What it is at. */
  readonly detail?: string;
  /** From 0 to 1, where it is known. */
  readonly progress?: number;
}

export interface RunningTask {
  report(now: Pick<Task, 'detail' | 'progress'>): void;
}

const historyLength = 100;

/** What runs, and what has run, since the window was opened. */
export const useTasks = defineStore('tasks', () => {
  const notices = useNotices();
  const tasks = shallowRef<readonly Task[]>([]);
  let lastId = 0;

  function change(id: number, to: Partial<Task>): void {
    tasks.value = tasks.value.map((task) => (task.id === id ? { ...task, ...to } : task));
  }

  /** Runs the work where everybody can see it; resolves to undefined when it failed, having told so. */
  async function run<T>(
    title: string,
    work: (task: RunningTask) => Promise<T>,
  ): Promise<T | undefined> {
    const id = ++lastId;
    const task: Task = { id, title, state: 'running', startedAt: systemClock.now() };
    tasks.value = [task, ...tasks.value].slice(0, historyLength);
    try {
      const result = await work({ report: (now) => change(id, now) });
      change(id, { state: 'done', endedAt: systemClock.now() });
      return result;
    } catch (error) {
      const detail = messageOf(error);
      change(id, { state: 'failed', endedAt: systemClock.now(), detail });
      notices.tell({ tone: 'bad', text: `${title}: not done`, detail });
      return undefined;
    }
  }

  const running = computed(() => tasks.value.filter(({ state }) => state === 'running'));
  return { tasks, running, run };
});
