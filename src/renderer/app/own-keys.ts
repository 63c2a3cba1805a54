import { defineStore } from 'pinia';
import { shallowRef, watch } from 'vue';
import type { OwnKeys } from '#shared/contract/settings.ts';
import { messageOf } from '../composables/message-of.ts';
import { objectActions } from './object-actions.ts';
import { keysInstead } from './keys.ts';
import { useNotices } from './notices.ts';
import { sections } from './sections.ts';
import { useSession } from './session.ts';

export interface UsualKey {
  readonly key: string;
  readonly title: string;
}

/** Every key that does something somewhere and may be another. Enter, Esc and arrows are what they are. */
export const usualKeys: readonly UsualKey[] = [
  { key: 'Mod+k', title: 'Palette: go to, do, find' },
  { key: '?', title: 'Show what keys do' },
  { key: 'Mod+,', title: 'Settings' },
  { key: 'Mod+`', title: 'Show or hide the dock' },
  { key: '/', title: 'Filter' },
  { key: 'j', title: 'Next row' },
  { key: 'k', title: 'Row before' },
  { key: 'x', title: 'Select the row' },
  { key: 'X', title: 'Select up to the row' },
  { key: 'A', title: 'Select all that are shown' },
  { key: 'n', title: 'New object' },
  ...objectActions.flatMap(({ key, title }) => (key === undefined ? [] : [{ key, title }])),
  ...sections.map(({ key, title }) => ({ key: `g ${key}`, title: `Go to ${title}` })),
];

/** Taken for good. */
const fixed = /^(?:Enter|Escape|Tab|Shift|Arrow\w+|Page\w+|Home|End| )$/;

/** The keys that somebody wants in the place of the usual ones; kept by the app, for all clusters. */
export const useOwnKeys = defineStore('own keys', () => {
  const session = useSession();
  const notices = useNotices();
  const keys = shallowRef<OwnKeys>({});

  watch(
    () => session.app,
    async (app) => {
      if (!app) return;
      try {
        keys.value = await app.ownKeys({});
      } catch (error) {
        notices.tell({ tone: 'attention', text: 'The usual keys hold', detail: messageOf(error) });
      }
    },
    { immediate: true },
  );
  watch(keys, (own) => keysInstead(own), { immediate: true });

  /** Why this key cannot be had; nothing where it can. */
  function refusalOf(usual: string, wanted: string): string | undefined {
    if (fixed.test(wanted)) return `${wanted} does the same everywhere and cannot be another key`;
    const other = usualKeys.find(
      ({ key }) => key !== usual && clash(keys.value[key] ?? key, wanted),
    );
    return other && `It does something already: ${other.title}`;
  }

  /** The usual key again where it is the usual one. */
  async function change(usual: string, wanted: string): Promise<void> {
    const { [usual]: _old, ...others } = keys.value;
    const next = wanted === usual ? others : { ...others, [usual]: wanted };
    await session.app?.saveOwnKeys({ keys: next });
    keys.value = next;
  }

  return { keys, refusalOf, change };
});

/** The same, or the first half of the other. */
function clash(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b} `) || b.startsWith(`${a} `);
}
