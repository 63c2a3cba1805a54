import { sleep } from '#shared/base/clock.ts';
import { fuzzyScore, fuzzyWords } from '#shared/base/fuzzy.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { keyOf } from '#shared/kube/object.ts';
import type { FoundObject } from '#shared/contract/search.ts';
import {
  computed,
  onScopeDispose,
  shallowRef,
  watch,
  type ComputedRef,
  type ShallowRef,
} from 'vue';
import { messageOf } from '../composables/message-of.ts';
import { commandsNow, type Command } from './commands.ts';
import { kindId, useKinds } from './kinds.ts';
import { openObject } from './links.ts';
import { useSession } from './session.ts';

export interface Palette {
  readonly text: ShallowRef<string>;
  readonly results: ComputedRef<readonly Command[]>;
  /** What the search among objects has to say for itself. */
  readonly note: ShallowRef<string>;
}

const shownAtOnce = 60;
const pauseMs = 40;
/** What a command that is as good a match as an object has ahead of it. */
const commandBonus = 20;

/** What can be done, and which objects there are, for what is typed. */
export function usePalette(): Palette {
  const commands = commandsNow().map((command) => ({
    command,
    text: `${command.title} ${command.about}`.toLowerCase(),
  }));
  const text = shallowRef('');
  const { found, note } = useFoundObjects(text);
  const results = computed(() => {
    const words = fuzzyWords(text.value);
    const scored = commands.flatMap(({ command, text }) => {
      const score = fuzzyScore(text, words);
      return score === undefined ? [] : [{ command, score: score + commandBonus }];
    });
    if (words.length === 0) return commands.map(({ command }) => command).slice(0, shownAtOnce);
    return [...scored, ...found.value]
      .toSorted((a, b) => b.score - a.score)
      .slice(0, shownAtOnce)
      .map(({ command }) => command);
  });
  return { text, results, note };
}

interface Scored {
  readonly command: Command;
  readonly score: number;
}

/** Asks the app, which knows all names, a moment after each key. */
function useFoundObjects(text: ShallowRef<string>): {
  readonly found: ShallowRef<readonly Scored[]>;
  readonly note: ShallowRef<string>;
} {
  const session = useSession();
  const kinds = useKinds();
  const found = shallowRef<readonly Scored[]>([]);
  const note = shallowRef('');
  // Events are about objects and named after them: nobody looks for one by its name.
  const searched = kinds.kinds
    .filter(({ verbs, plural }) => verbs.includes('watch') && plural !== 'events')
    .map(({ group, version, plural }) => ({ group, version, plural }));
  let current: AbortController | undefined;

  async function search(asked: string, signal: AbortSignal): Promise<void> {
    const { app } = session;
    if (!app) return;
    try {
      await sleep(systemClock, pauseMs, signal);
      for (;;) {
        const input = { text: asked, kinds: searched, limit: shownAtOnce };
        const answer = await app.search(input, { signal });
        found.value = answer.found.flatMap((object) => scored(object));
        note.value = `${answer.searched.toLocaleString('en')} objects searched`;
        if (!answer.isPartial) return;
        note.value = `${note.value}, still reading names`;
        await sleep(systemClock, 300, signal);
      }
    } catch (error) {
      if (!signal.aborted) note.value = `Objects cannot be searched: ${messageOf(error)}`;
    }
  }

  function scored({ group, plural, namespace, name, score }: FoundObject): readonly Scored[] {
    const kind = kinds.byId.get(kindId({ group, plural }));
    if (!kind) return [];
    const key = keyOf({ namespace, name });
    const run = (): void => openObject(kind, key);
    return [
      { score, command: { id: `${kindId(kind)} ${key}`, title: key, about: kind.kind, run } },
    ];
  }

  watch(
    text,
    (asked) => {
      current?.abort();
      // What was found before stays until there is better: nothing flickers between two keys.
      if (asked.trim() === '') found.value = [];
      current = new AbortController();
      void search(asked, current.signal);
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return { found, note };
}
