import { defineStore } from 'pinia';
import { shallowRef } from 'vue';

export interface Question {
  /** `Drain node-a?` */
  readonly title: string;
  /** What happens then, one sentence each. */
  readonly consequences: readonly string[];
  /** The button that does it: `Drain node-a`. */
  readonly verb: string;
  /** The button that leaves everything as it is. */
  readonly keep?: string;
  /** It cannot be undone. */
  readonly isDangerous?: boolean;
}

/** Asks before something that cannot be taken back; one question at a time. */
export const useConfirm = defineStore('confirm', () => {
  const question = shallowRef<Question>();
  let answer: ((isMeant: boolean) => void) | undefined;

  function ask(next: Question): Promise<boolean> {
    settle(false);
    question.value = next;
    return new Promise((resolve) => (answer = resolve));
  }

  function settle(isMeant: boolean): void {
    question.value = undefined;
    answer?.(isMeant);
    answer = undefined;
  }

  return { question, ask, settle };
});
