import type { NodeQuestion } from '#shared/contract/nodes.ts';
import { useSession } from '../../app/session.ts';

/** Work on a machine that may ask something on the way; one at a time. */
export interface Conversation {
  /** Of the latest. */
  readonly id: string;
  begin(): { readonly id: string; readonly signal: AbortSignal };
  answer(question: NodeQuestion, given: string | boolean | null): Promise<unknown>;
  /** Ends it, saying why. */
  leave(why: string): void;
}

export function useConversation(): Conversation {
  const session = useSession();
  let id = '';
  let stop: AbortController | undefined;
  return {
    get id() {
      return id;
    },
    begin() {
      stop?.abort(new Error('Begun again'));
      stop = new AbortController();
      id = crypto.randomUUID();
      return { id, signal: stop.signal };
    },
    async answer({ id: question }, given) {
      await session.app?.answerNodeQuestion({ id, question, answer: given });
    },
    leave: (why) => stop?.abort(new Error(why)),
  };
}
