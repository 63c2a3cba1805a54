import { Channel } from '#shared/base/channel.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type { AddNodeEvent, nodeOperations, NodeToAdd } from '#shared/contract/nodes.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** The person in front of the window, as whoever adds a machine sees them. */
export interface Dialogue {
  readonly questions: {
    secret(text: string): Promise<string | undefined>;
    confirm(text: string): Promise<boolean>;
  };
  tell(event: AddNodeEvent): void;
  /** Resolves once the plan that was told has been approved. */
  approval(): Promise<void>;
  /** Aborted when the person has had enough. */
  readonly signal: AbortSignal;
}

export interface NodeServices {
  /** Makes a machine a node, or throws what keeps it from being one. */
  addNode(wanted: NodeToAdd, dialogue: Dialogue): Promise<void>;
}

interface Conversation {
  readonly answers: Map<number, (answer: string | boolean | null) => void>;
  readonly approved: PromiseWithResolvers<void>;
}

/** Answers what the window asks about machines that are to become nodes. Answers are never kept. */
export function nodeHandlers({ addNode }: NodeServices): Handlers<typeof nodeOperations> {
  const conversations = new Map<string, Conversation>();
  const conversation = (id: string): Conversation => {
    const found = conversations.get(id);
    if (found) return found;
    throw new ApiError('NotFound', 'That machine is not being added any more; begin again');
  };
  return {
    async *addNode(wanted, { signal }) {
      if (conversations.has(wanted.id))
        throw new ApiError('BadRequest', 'A machine is being added under this id already');
      const own: Conversation = { answers: new Map(), approved: Promise.withResolvers() };
      conversations.set(wanted.id, own);
      try {
        yield* carryOn(own, signal, (dialogue) => addNode(wanted, dialogue));
      } finally {
        conversations.delete(wanted.id);
      }
    },
    answerNodeQuestion({ id, question, answer }) {
      const { answers } = conversation(id);
      answers.get(question)?.(answer);
      answers.delete(question);
      return null;
    },
    approveNodePlan({ id }) {
      conversation(id).approved.resolve();
      return null;
    },
  };
}

async function* carryOn(
  { answers, approved }: Conversation,
  signal: AbortSignal,
  work: (dialogue: Dialogue) => Promise<void>,
): AsyncGenerator<AddNodeEvent, void> {
  const events = new Channel<AddNodeEvent>();
  const cancelled = Promise.withResolvers<never>();
  cancelled.promise.catch(() => {}); // heard of only while somebody waits for an answer
  signal.addEventListener('abort', () => cancelled.reject(signal.reason), { once: true });
  let last = 0;
  const ask = (kind: 'secret' | 'confirm', text: string): Promise<string | boolean | null> => {
    const { promise, resolve } = Promise.withResolvers<string | boolean | null>();
    const question = ++last;
    answers.set(question, resolve);
    events.push({ type: 'question', id: question, kind, text });
    return Promise.race([promise, cancelled.promise]);
  };
  const done = work({
    questions: {
      async secret(text) {
        const answer = await ask('secret', text);
        return typeof answer === 'string' ? answer : undefined;
      },
      confirm: async (text) => (await ask('confirm', text)) === true,
    },
    tell: (event) => events.push(event),
    approval: () => Promise.race([approved.promise, cancelled.promise]),
    signal,
  });
  done.then(
    () => events.end(),
    (error: unknown) => events.end(error),
  );
  yield* events;
}
