import * as monaco from 'monaco-editor/editor/editor.api.js';
import 'monaco-editor/features/bracketMatching/register.js';
import 'monaco-editor/features/caretOperations/register.js';
import 'monaco-editor/features/clipboard/register.js';
import 'monaco-editor/features/comment/register.js';
import 'monaco-editor/features/contextmenu/register.js';
import 'monaco-editor/features/cursorUndo/register.js';
import 'monaco-editor/features/diffEditor/register.js';
import 'monaco-editor/features/find/register.js';
import 'monaco-editor/features/folding/register.js';
import 'monaco-editor/features/gotoError/register.js';
import 'monaco-editor/features/hover/register.js';
import 'monaco-editor/features/indentation/register.js';
import 'monaco-editor/features/linesOperations/register.js';
import 'monaco-editor/features/multicursor/register.js';
import 'monaco-editor/features/snippet/register.js';
import 'monaco-editor/editor/contrib/suggest/browser/suggestController.js';
import 'monaco-editor/features/toggleTabFocusMode/register.js';
import 'monaco-editor/features/wordOperations/register.js';
import 'monaco-editor/languages/definitions/yaml/register.js';

export { monaco };

/**
 * A diff editor whose end takes nothing from the others. Monaco makes the hovers of all editors (the
 * rows of a suggestion among them) with the services of the editor that was created last: those of
 * a diff's inner editors end with the diff. One that is created after it puts the window's own back.
 */
export function createDiffEditor(
  host: HTMLElement,
  options: monaco.editor.IStandaloneDiffEditorConstructionOptions,
): monaco.editor.IStandaloneDiffEditor {
  const editor = monaco.editor.createDiffEditor(host, options);
  const last = monaco.editor.create(document.createElement('div'), { model: null });
  last.dispose();
  return editor;
}

/** Diffs are worked out beside the page. */
globalThis.MonacoEnvironment = {
  getWorker: () =>
    new Worker(new URL('./editor-worker.ts', import.meta.url), { type: 'module', name: 'editor' }),
};

/** The editor in the window's own colours; called again when they change. */
export function useWindowColours(isDark: boolean): void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => sixDigits(style.getPropertyValue(name).trim());
  monaco.editor.defineTheme('window', {
    base: isDark ? 'vs-dark' : 'vs',
    inherit: true,
    rules: [
      { token: '', foreground: hex(colour('--text')) },
      { token: 'type', foreground: hex(colour('--accent')) },
      { token: 'type.yaml', foreground: hex(colour('--accent')) },
      ...[
        'string',
        'string.yaml',
        'number',
        'number.yaml',
        'keyword',
        'keyword.yaml',
        'delimiter',
      ].map((token) => ({ token, foreground: hex(colour('--text')) })),
      { token: 'comment', foreground: hex(colour('--text-quiet')), fontStyle: 'italic' },
    ],
    colors: {
      'editor.background': colour('--background'),
      'editor.foreground': colour('--text'),
      'editorLineNumber.foreground': colour('--text-quiet'),
      'editorLineNumber.activeForeground': colour('--text'),
      'editor.lineHighlightBackground': colour('--surface'),
      'editor.lineHighlightBorder': colour('--surface'),
      'editorWidget.background': colour('--background'),
      'editorWidget.border': colour('--line-strong'),
      'editorSuggestWidget.selectedBackground': colour('--selection'),
      'editorSuggestWidget.selectedForeground': colour('--text'),
      'editorSuggestWidget.highlightForeground': colour('--accent'),
      'editorSuggestWidget.focusHighlightForeground': colour('--accent'),
      'editorHoverWidget.background': colour('--background'),
      'editorError.foreground': colour('--bad'),
      'editorWarning.foreground': colour('--attention'),
      'editorGutter.background': colour('--background'),
      'diffEditor.insertedTextBackground': `${colour('--good')}33`,
      'diffEditor.removedTextBackground': `${colour('--bad')}33`,
      'diffEditor.insertedLineBackground': `${colour('--good')}1a`,
      'diffEditor.removedLineBackground': `${colour('--bad')}1a`,
      'diffEditor.unchangedRegionBackground': colour('--surface'),
      'diffEditor.unchangedRegionForeground': colour('--text-quiet'),
      focusBorder: colour('--accent'),
    },
  });
  monaco.editor.setTheme('window');
}

/** Minified style sheets say `#fff`. */
function sixDigits(colour: string): string {
  return colour.replace(/^#([\da-f])([\da-f])([\da-f])$/i, '#$1$1$2$2$3$3');
}

function hex(colour: string): string {
  return colour.replace('#', '');
}

/** What every editor of the window has in common. */
export const editorOptions = {
  theme: 'window',
  automaticLayout: true,
  fixedOverflowWidgets: true,
  minimap: { enabled: false },
  fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace',
  fontSize: 12,
  lineHeight: 18,
  scrollBeyondLastLine: false,
  renderLineHighlight: 'line',
  glyphMargin: false,
  lineNumbersMinChars: 3,
  guides: { indentation: false, bracketPairs: false },
  overviewRulerLanes: 0,
  hideCursorInOverviewRuler: true,
  overviewRulerBorder: false,
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  stickyScroll: { enabled: false },
  padding: { top: 4, bottom: 4 },
  // A plain text field underneath works in every browser that the window runs in.
  editContext: false,
} as const satisfies monaco.editor.IEditorOptions & { readonly theme: string };
