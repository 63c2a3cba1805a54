import type { Suggestions, KnownKind } from './complete.ts';
import type { Description } from './describe.ts';
import type { Problem } from './diagnose.ts';
import type { OpenApiDocument } from './schema.ts';
import type { Answer, Asked, Knowledge, Question } from './worker.ts';

/** The language of manifests, worked out beside the page. */
export interface Language {
  learnKinds(kinds: readonly KnownKind[]): void;
  learnSchemas(apiVersion: string, document: OpenApiDocument): void;
  diagnose(text: string): Promise<readonly Problem[]>;
  complete(text: string, offset: number): Promise<Suggestions>;
  describe(text: string, offset: number): Promise<Description | undefined>;
}

let running: Language | undefined;

/** One for all editors; it runs for as long as the window. */
export function language(): Language {
  return (running ??= start());
}

function start(): Language {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    type: 'module',
    name: 'manifest language',
  });
  const waiting = new Map<number, (result: Answer['result']) => void>();
  let lastId = 0;
  worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.id)?.(data.result);
    waiting.delete(data.id);
  });
  const tell = (knowledge: Knowledge): void => worker.postMessage(knowledge, []);
  function ask(question: Asked): Promise<Answer['result']> {
    const id = ++lastId;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      worker.postMessage({ ...question, id } satisfies Question, []);
    });
  }
  return {
    learnKinds: (kinds) => tell({ type: 'kinds', kinds }),
    learnSchemas: (apiVersion, document) => tell({ type: 'schemas', apiVersion, document }),
    diagnose: async (text) => (await ask({ type: 'diagnose', text })) as readonly Problem[],
    complete: async (text, offset) =>
      (await ask({ type: 'complete', text, offset })) as Suggestions,
    describe: async (text, offset) =>
      (await ask({ type: 'describe', text, offset })) as Description | undefined,
  };
}
