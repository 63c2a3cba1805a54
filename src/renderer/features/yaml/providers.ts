import { language } from './language/client.ts';
import { monaco } from './monaco.ts';
import { useSchemas } from './schemas.ts';

let areRegistered = false;

/** Completion and hover for every manifest that is open. */
export function registerLanguage(): void {
  if (areRegistered) return;
  areRegistered = true;
  monaco.languages.registerCompletionItemProvider('yaml', {
    triggerCharacters: [' ', '\n', '-'],
    async provideCompletionItems(model, position) {
      const text = model.getValue();
      await useSchemas().teach(text);
      const offset = model.getOffsetAt(position);
      const { from, to, items } = await language().complete(text, offset);
      const range = monaco.Range.fromPositions(model.getPositionAt(from), model.getPositionAt(to));
      const { Property, Value } = monaco.languages.CompletionItemKind;
      const asSnippet = monaco.languages.CompletionItemInsertTextRule.InsertAsSnippet;
      return {
        suggestions: items.map((item, index) => ({
          label: { label: item.label, description: item.isRequired ? 'required' : item.detail },
          kind: item.isValue ? Value : Property,
          insertText: item.insert,
          insertTextRules: asSnippet | monaco.languages.CompletionItemInsertTextRule.KeepWhitespace,
          documentation: item.documentation,
          detail: item.detail,
          sortText: String(index).padStart(4, '0'),
          range,
          ...(!item.isValue &&
            item.insert.includes('\n') && {
              command: { id: 'editor.action.triggerSuggest', title: 'Suggest' },
            }),
        })),
      };
    },
  });
  monaco.languages.registerHoverProvider('yaml', {
    async provideHover(model, position) {
      const text = model.getValue();
      const found = await language().describe(text, model.getOffsetAt(position));
      if (!found || found.to < model.getOffsetAt(position)) return null;
      const range = monaco.Range.fromPositions(
        model.getPositionAt(found.from),
        model.getPositionAt(found.to),
      );
      const head = `\`${found.path || found.kind}\` ${found.type}`;
      const facts = found.facts.length > 0 ? `\n\n${found.facts.join(' · ')}` : '';
      return { range, contents: [{ value: `${head}${facts}` }, { value: found.text }] };
    },
  });
}
