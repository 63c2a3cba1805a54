import { defineStore } from 'pinia';
import { computed } from 'vue';
import { isNumber, useRemembered } from './remembered.ts';

/** Something that stays open below: a kind out of `dock-tabs.ts` and what its component is given. */
export interface DockTab {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  /** Plain JSON: it is remembered. */
  readonly props: Readonly<Record<string, unknown>>;
}

export interface NewDockTab extends Omit<DockTab, 'id' | 'props'> {
  readonly props?: DockTab['props'];
  /** What it needs to be of use: a lower dock grows. */
  readonly height?: number;
}

interface DockState {
  readonly tabs: readonly DockTab[];
  readonly active: string;
  readonly isOpen: boolean;
}

const empty: DockState = { tabs: [], active: '', isOpen: false };

/** The dock: what is open in it survives a reload; each cluster has its own. */
export const useDock = defineStore('dock', () => {
  const state = useRemembered('dock', empty, isDockState);
  const height = useRemembered('dock height', 280, isNumber);
  const change = (to: Partial<DockState>): void => void (state.value = { ...state.value, ...to });

  /** Opens a tab, or shows the one that has the same kind and props. */
  function open({ kind, title, props = {}, height: wanted = 0 }: NewDockTab): void {
    const id = `${kind} ${JSON.stringify(props)}`;
    const { tabs } = state.value;
    height.value = Math.max(height.value, wanted);
    const isThere = tabs.some((tab) => tab.id === id);
    change({
      tabs: isThere ? tabs : [...tabs, { id, kind, title, props }],
      active: id,
      isOpen: true,
    });
  }

  /** The neighbour takes its place; the last one takes the dock along. */
  function close(id: string): void {
    const { tabs, active } = state.value;
    const index = tabs.findIndex((tab) => tab.id === id);
    const left = tabs.filter((tab) => tab.id !== id);
    const neighbour = left[Math.min(index, left.length - 1)];
    change({
      tabs: left,
      active: active === id ? (neighbour?.id ?? '') : active,
      isOpen: state.value.isOpen && left.length > 0,
    });
  }

  function rename(id: string, title: string): void {
    change({ tabs: state.value.tabs.map((tab) => (tab.id === id ? { ...tab, title } : tab)) });
  }

  return {
    tabs: computed(() => state.value.tabs),
    active: computed(() => state.value.active),
    isOpen: computed(() => state.value.isOpen && state.value.tabs.length > 0),
    height,
    open,
    close,
    rename,
    show: (id: string) => change({ active: id, isOpen: true }),
    toggle: () => change({ isOpen: !state.value.isOpen }),
  };
});

function isDockState(value: unknown): value is DockState {
  const { tabs, active, isOpen } = (value ?? {}) as Partial<DockState>;
  return (
    Array.isArray(tabs) &&
    tabs.every((tab: Partial<DockTab> | null) => tab && typeof tab.id === 'string' && tab.props) &&
    typeof active === 'string' &&
    typeof isOpen === 'boolean'
  );
}
