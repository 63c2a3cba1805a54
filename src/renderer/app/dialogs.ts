import { defineStore } from 'pinia';
import { shallowRef } from 'vue';

export type DialogName = 'palette' | 'keys' | 'settings';

/** Which of the frame's own dialogs is open; one at a time. */
export const useDialogs = defineStore('dialogs', () => {
  const shown = shallowRef<DialogName>();
  return {
    shown,
    show: (name: DialogName) => (shown.value = name),
    close: () => (shown.value = undefined),
  };
});
