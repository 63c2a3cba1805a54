import { onScopeDispose, shallowReactive, shallowRef, watch } from 'vue';
import { systemClock } from '#shared/base/system-clock.ts';

/** What a key does while something is shown. */
export interface KeyBinding {
  /** `j`, `Enter`, `?`, `Mod+k` (Ctrl, or Cmd on a Mac), or two in a row: `g w`. */
  readonly key: string;
  /** A verb phrase for the list of keys. */
  readonly title: string;
  readonly run: () => void;
}

interface Layer {
  readonly name: string;
  readonly bindings: () => readonly KeyBinding[];
  /** Keys that it does not know reach nothing below it. */
  readonly isModal: boolean;
}

const sequenceMs = 1_500;

/** By the usual key, the one that somebody wants instead. */
const instead = shallowRef<Readonly<Record<string, string>>>({});

export function keysInstead(keys: Readonly<Record<string, string>>): void {
  instead.value = keys;
}

/** What is pressed for what the usual key does. */
export function boundKey(usual: string): string {
  return instead.value[usual] ?? usual;
}

/** What is shown, the topmost last. */
const layers = shallowReactive<Layer[]>([]);
let prefix = '';
let forgetPrefix: Disposable | undefined;

export interface KeyOptions {
  readonly isModal?: boolean;
}

/** Listens to keys for as long as the component lives; who came last is asked first. */
export function useKeys(
  name: string,
  bindings: () => readonly KeyBinding[],
  { isModal = false }: KeyOptions = {},
): void {
  const layer: Layer = { name, bindings, isModal };
  layers.push(layer);
  onScopeDispose(() => void layers.splice(layers.indexOf(layer), 1));
}

interface Opened {
  readonly title: string;
  readonly close: () => void;
}

/** What Esc can close, in the order in which it was opened. */
const opened = shallowReactive<Opened[]>([]);

/** Esc closes this when it is open and nothing was opened after it. */
export function useEscape(title: string, isOpen: () => boolean, close: () => void): void {
  const thing: Opened = { title, close };
  const leave = (): void => {
    const index = opened.indexOf(thing);
    if (index >= 0) opened.splice(index, 1);
  };
  watch(isOpen, (isNow) => (isNow ? void opened.push(thing) : leave()), { immediate: true });
  onScopeDispose(leave);
}

/** All that keys do now, for people who ask. */
export function keysNow(): readonly Pick<Layer, 'name' | 'bindings'>[] {
  const topmost = opened.at(-1);
  const escape = topmost && { key: 'Escape', title: topmost.title, run: topmost.close };
  return [
    ...layers.filter(({ bindings }) => bindings().length > 0),
    ...(escape ? [{ name: 'The topmost thing', bindings: () => [escape] }] : []),
  ];
}

/** Begins to hand keys to the layers. */
export function listenToKeys(): Disposable {
  // Before whoever has the focus: editors have a meaning of their own for Ctrl+K.
  const capture = (event: KeyboardEvent): void => {
    if (isModified(event) || event.key === 'F1') dispatch(event);
  };
  const bubble = (event: KeyboardEvent): void => {
    if (!isModified(event)) dispatch(event);
  };
  addEventListener('keydown', capture, { capture: true });
  addEventListener('keydown', bubble);
  return {
    [Symbol.dispose]() {
      removeEventListener('keydown', capture, { capture: true });
      removeEventListener('keydown', bubble);
    },
  };
}

function dispatch(event: KeyboardEvent): void {
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.defaultPrevented || target.closest('[data-owns-keys]')) return;
  const isPlain = !isModified(event);
  if (isPlain && event.key !== 'Escape' && isTextField(target)) return;
  // A button that has the focus is pressed by these, whatever they mean elsewhere.
  if ((event.key === 'Enter' || event.key === ' ') && target.closest('button, a, summary, select'))
    return;
  const key = nameOf(event);
  if (key === 'Escape') return closeTopmost(event);
  const whole = prefix ? `${prefix} ${key}` : key;
  setPrefix('');
  for (const { bindings, isModal } of layers.toReversed()) {
    const known = bindings();
    const binding = known.find((each) => boundKey(each.key) === whole);
    if (binding) {
      event.preventDefault();
      return binding.run();
    }
    if (known.some((each) => boundKey(each.key).startsWith(`${whole} `))) return setPrefix(whole);
    if (isModal) return;
  }
}

function closeTopmost(event: KeyboardEvent): void {
  setPrefix('');
  const topmost = opened.at(-1);
  if (!topmost) return;
  event.preventDefault();
  topmost.close();
}

/** The first half of a sequence is forgotten when the second does not come. */
function setPrefix(next: string): void {
  prefix = next;
  forgetPrefix?.[Symbol.dispose]();
  forgetPrefix = next ? systemClock.after(sequenceMs, () => (prefix = '')) : undefined;
}

function isModified({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || altKey;
}

function isTextField(target: Element): boolean {
  return (
    target.matches('input:not([type=checkbox], [type=radio]), textarea, select') ||
    target.closest('[contenteditable=true], [role=textbox], .monaco-editor') !== null
  );
}

export function nameOf({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): string {
  const modifiers = `${ctrlKey || metaKey ? 'Mod+' : ''}${altKey ? 'Alt+' : ''}`;
  return modifiers + (modifiers && key.length === 1 ? key.toLowerCase() : key);
}

const isMac = navigator.userAgent.includes('Mac');

/** As it stands on the keyboard, for what the usual key does: `Ctrl K`, `⌘ K`. */
export function keyText(usual: string): string {
  return boundKey(usual)
    .replace('Mod+', isMac ? '⌘ ' : 'Ctrl ')
    .replace('Alt+', isMac ? '⌥ ' : 'Alt ')
    .replace('Escape', 'Esc')
    .replace('ArrowDown', '↓')
    .replace('ArrowUp', '↑');
}
