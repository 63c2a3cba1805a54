import { isMap, isScalar, isSeq, stringify, type Document } from 'yaml';
import { isSame, type FieldChange } from './changes.ts';
import { indexOfItem, valueAt, type FieldPath, type Value } from './field-path.ts';
import { parseDocuments } from './language/documents.ts';

export interface Rebased {
  readonly text: string;
  /** What both sides changed: the text kept its own. */
  readonly kept: readonly FieldChange[];
}

/**
 * The text with the changes worked in that happened elsewhere: comments, order and the edits of the
 * text stay. Where the text says something else than `before`, it is kept.
 */
export function rebase(text: string, index: number, changes: readonly FieldChange[]): Rebased {
  let edited = text;
  const kept: FieldChange[] = [];
  for (const change of changes) {
    const now = valueAt(parseDocuments(edited)[index]?.toJS(), change.path);
    if (isSame(now, change.after)) continue;
    if (isSame(now, change.before)) edited = withField(edited, index, change.path, change.after);
    else kept.push(change);
  }
  return { text: edited, kept };
}

/** The text with one field set, or taken out where the value is undefined. */
export function withField(text: string, index: number, path: FieldPath, value: Value): string {
  const documents = parseDocuments(text);
  const document = documents[index];
  const parent = document && pathIn(document, path.slice(0, -1));
  const step = path.at(-1);
  if (!parent || step === undefined) return text;
  const at = [...parent, typeof step === 'string' ? step : indexIn(document, parent, step)];
  const node = document.getIn(at, true);
  // A plain value is replaced where it stands: nothing else of the text moves.
  if (isScalar(node) && node.range && value !== undefined && !isComposite(value))
    return text.slice(0, node.range[0]) + scalarText(value) + text.slice(node.range[1]);
  if (value === undefined) document.deleteIn(at);
  else document.setIn(at, document.createNode(value));
  const options = { lineWidth: 0, indentSeq: !/^( *)[^\s#-].*:\n\1- /m.test(text) };
  return documents.map((each) => each.toString(options)).join('');
}

function isComposite(value: Value): boolean {
  return typeof value === 'object' && value !== null;
}

function scalarText(value: Value): string {
  return stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd();
}

/** The item's index; past the end where it is not there. */
function indexIn(
  document: Document,
  parent: readonly (string | number)[],
  key: Exclude<FieldPath[number], string>,
): number {
  const list = document.getIn(parent);
  const items = isSeq(list) ? (list.toJSON() as readonly Value[]) : [];
  const index = indexOfItem(items, key);
  return index < 0 ? items.length : index;
}

/** The members and indexes that lead to the field; undefined where something on the way is missing. */
function pathIn(document: Document, path: FieldPath): readonly (string | number)[] | undefined {
  const found: (string | number)[] = [];
  for (const step of path) {
    if (typeof step === 'string') {
      found.push(step);
      continue;
    }
    const list = document.getIn(found);
    const index = isSeq(list) ? indexOfItem(list.toJSON(), step) : -1;
    if (index < 0) return undefined;
    found.push(index);
  }
  const parent = found.length > 0 ? document.getIn(found) : document.contents;
  return parent === undefined || isMap(parent) || isSeq(parent) ? found : undefined;
}
