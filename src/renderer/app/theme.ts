import { defineStore } from 'pinia';
import { computed, shallowRef, watchEffect } from 'vue';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'theme';

/** Light, dark, or as the system has it; the page's colours follow `data-theme`. */
export const useTheme = defineStore('theme', () => {
  const chosen = shallowRef<Theme>(themes.find(isStored) ?? 'system');
  const darkSystem = matchMedia('(prefers-color-scheme: dark)');
  const isSystemDark = shallowRef(darkSystem.matches);
  darkSystem.addEventListener('change', ({ matches }) => (isSystemDark.value = matches));
  const shown = computed(() => {
    if (chosen.value !== 'system') return chosen.value;
    return isSystemDark.value ? 'dark' : 'light';
  });
  watchEffect(() => (document.documentElement.dataset['theme'] = shown.value));

  function choose(theme: Theme): void {
    chosen.value = theme;
    localStorage.setItem(storageKey, theme);
  }

  function next(): void {
    choose(themes[(themes.indexOf(chosen.value) + 1) % themes.length]!);
  }

  return { chosen, shown, choose, next };
});

function isStored(theme: Theme): boolean {
  return localStorage.getItem(storageKey) === theme;
}
