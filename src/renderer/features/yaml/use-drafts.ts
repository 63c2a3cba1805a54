import { onScopeDispose, watch } from 'vue';
import { useNotices } from '../../app/notices.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { draftsOf, type Draft } from './drafts.ts';
import { textOf, type ManifestState } from './manifest-state.ts';

const pauseMs = 120;

/** Keeps what is typed until it is applied, and brings it back. */
export function useDrafts(state: ManifestState, id: string): void {
  const notices = useNotices();
  const drafts = draftsOf(useSession().health?.cluster ?? '', ({ text }) =>
    /^kind:\s*["']?Secret\b/m.test(text),
  );
  let isFull = false;
  let pending: Disposable | undefined;

  restore(drafts.read(id));

  function restore(draft: Draft | undefined): void {
    if (!draft) return;
    state.text.value = draft.text;
    state.restoredFrom.value = draft.at;
    if (!draft.base) return;
    state.base.value = draft.base;
    state.settled.value = textOf(draft.base);
  }

  function save(): void {
    pending?.[Symbol.dispose]();
    pending = undefined;
    if (!state.isChanged.value) return drafts.drop(id);
    const base = state.base.value;
    try {
      drafts.write(id, { text: state.text.value, ...(base && { base }), at: systemClock.now() });
      isFull = false;
    } catch (error) {
      if (!isFull)
        notices.tell({
          tone: 'bad',
          text: 'What you type cannot be kept through a reload',
          detail: `${messageOf(error)}. Apply or copy it before you close the window.`,
        });
      isFull = true;
    }
  }

  watch([state.text, state.settled], () => {
    pending?.[Symbol.dispose]();
    pending = systemClock.after(pauseMs, save);
  });
  addEventListener('pagehide', save);
  onScopeDispose(() => {
    removeEventListener('pagehide', save);
    save();
  });
}
