import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { systemClock } from '#shared/base/system-clock.ts';

export type Tone = 'plain' | 'good' | 'attention' | 'bad';

export interface Notice {
  readonly id: number;
  readonly at: number;
  readonly tone: Tone;
  /** What happened, to what. */
  readonly text: string;
  /** Why, and what to try. */
  readonly detail?: string;
  readonly isShown: boolean;
}

export type NewNotice = Pick<Notice, 'tone' | 'text' | 'detail'>;

const shownMs = 6_000;
const historyLength = 200;

/** What the window told people: a while in the corner, then in the history. */
export const useNotices = defineStore('notices', () => {
  const history = shallowRef<readonly Notice[]>([]);
  let lastId = 0;

  function tell(notice: NewNotice): void {
    const id = ++lastId;
    const told = { ...notice, id, at: systemClock.now(), isShown: true };
    history.value = [told, ...history.value].slice(0, historyLength);
    // A failure stays until somebody has seen it.
    if (notice.tone !== 'bad') systemClock.after(shownMs, () => dismiss(id));
  }

  function dismiss(id: number): void {
    history.value = history.value.map((each) =>
      each.id === id ? { ...each, isShown: false } : each,
    );
  }

  const shown = computed(() => history.value.filter(({ isShown }) => isShown).slice(0, 4));
  return { history, shown, tell, dismiss };
});
