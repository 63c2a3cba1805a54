import { sleep, type Clock } from '#shared/base/clock.ts';
import { Channel } from '#shared/base/channel.ts';
import type { Handlers } from '#shared/contract/contract.ts';
import type {
  AddNodeEvent,
  NodeMachine,
  nodeOperations,
  NodeQuestion,
  NodeToAdd,
  NodeToRemove,
  RemoveNodeEvent,
} from '#shared/contract/nodes.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** The person in front of the window, as whoever works on a machine for them sees them. */
export interface Dialogue<Event> {
  readonly questions: {
    secret(text: string): Promise<string | undefined>;
    confirm(text: string): Promise<boolean>;
  };
  tell(event: Event): void;
  /** Resolves once the plan that was told has been approved. */
  approval(): Promise<void>;
  /** Aborted when the person has had enough. */
  readonly signal: AbortSignal;
}

export interface NodeServices {
  /** Makes a machine a node, or throws what keeps it from being one. */
  addNode(wanted: NodeToAdd, dialogue: Dialogue<AddNodeEvent>): Promise<void>;
  /** Takes a node away, or throws what keeps it. */
  removeNode(wanted: NodeToRemove, dialogue: Dialogue<RemoveNodeEvent>): Promise<void>;
  /** Resolves to the names of so many more simulated nodes. */
  addSimulated(count: number): Promise<readonly string[]>;
  /** The machines that were added as nodes, as they are now. */
  machines(): readonly NodeMachine[];
  readonly clock: Clock;
}

interface Conversation {
  readonly answers: Map<number, (answer: string | boolean | null) => void>;
  readonly approved: PromiseWithResolvers<void>;
}

const lookMs = 1_000;

/** Answers what the window asks about machines that are nodes. Answers to questions are never kept. */
export function nodeHandlers(services: NodeServices): Handlers<typeof nodeOperations> {
  const conversations = new Map<string, Conversation>();
  const conversation = (id: string): Conversation => {
    const found = conversations.get(id);
    if (found) return found;
    throw new ApiError('NotFound', 'Nothing is being done to that machine any more; begin again');
  };
  async function* converse<Event>(
    id: string,
    signal: AbortSignal,
    work: (dialogue: Dialogue<Event>) => Promise<void>,
  ): AsyncGenerator<Event | NodeQuestion, void> {
    if (conversations.has(id))
      throw new ApiError('BadRequest', 'A machine is being worked on under this id already');
    const own: Conversation = { answers: new Map(), approved: Promise.withResolvers() };
    conversations.set(id, own);
    try {
      yield* carryOn(own, signal, work);
    } finally {
      conversations.delete(id);
    }
  }
  return {
    addNode: (wanted, { signal }) =>
      converse<AddNodeEvent>(wanted.id, signal, (dialogue) => services.addNode(wanted, dialogue)),
    removeNode: (wanted, { signal }) =>
      converse<RemoveNodeEvent>(wanted.id, signal, (dialogue) =>
        services.removeNode(wanted, dialogue),
      ),
    machines: (_input, { signal }) => machineChanges(services, signal),
    addSimulatedNodes: ({ count }) => services.addSimulated(count),
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

/** Looked at once a second; told when they are not as they were. */
async function* machineChanges(
  { machines, clock }: NodeServices,
  signal: AbortSignal,
): AsyncGenerator<readonly NodeMachine[], never> {
  let last = '';
  for (;;) {
    const now = machines();
    const text = JSON.stringify(now);
    if (text !== last) yield now;
    last = text;
    await sleep(clock, lookMs, signal);
  }
}

async function* carryOn<Event>(
  { answers, approved }: Conversation,
  signal: AbortSignal,
  work: (dialogue: Dialogue<Event>) => Promise<void>,
): AsyncGenerator<Event | NodeQuestion, void> {
  const events = new Channel<Event | NodeQuestion>();
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
