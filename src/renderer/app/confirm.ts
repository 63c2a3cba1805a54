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
  /** Something to fill in; the button waits until it is right. */
  readonly field?: {
    readonly label: string;
    readonly initial: string;
    readonly isRight: (text: string) => boolean;
  };
  /** It cannot be undone. */
  readonly isDangerous?: boolean;
}

/** Asks before something that cannot be taken back; one question at a time. */
export const useConfirm = defineStore('confirm', () => {
  const question = shallowRef<Question>();
  let answer: ((text: string | undefined) => void) | undefined;

  /** Resolves to what was filled in ('' where nothing was asked for); undefined when it is not meant. */
  function askFor(next: Question): Promise<string | undefined> {
    settle(undefined);
    question.value = next;
    return new Promise((resolve) => (answer = resolve));
  }

  function settle(text: string | undefined): void {
    question.value = undefined;
    answer?.(text);
    answer = undefined;
  }

  return {
    question,
    askFor,
    settle,
    ask: async (next: Question) => (await askFor(next)) !== undefined,
  };
});
