export interface DiffLine {
  readonly type: 'same' | 'removed' | 'added' | 'skipped';
  readonly text: string;
}

const contextLines = 3;
/** Beyond this many lines to compare, a part is shown as replaced as a whole. */
const maxCells = 4_000_000;

/** What turns one text into the other, line by line, with a few lines around each change. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [old, young] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < young.length && old[start] === young[start]) start++;
  let end = 0;
  while (
    end < old.length - start &&
    end < young.length - start &&
    old[old.length - 1 - end] === young[young.length - 1 - end]
  )
    end++;
  const same = (text: string): DiffLine => ({ type: 'same', text });
  return folded([
    ...old.slice(0, start).map(same),
    ...middle(old.slice(start, old.length - end), young.slice(start, young.length - end)),
    ...old.slice(old.length - end).map(same),
  ]);
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** By the longest common subsequence. */
function middle(old: readonly string[], young: readonly string[]): readonly DiffLine[] {
  const removed = (text: string): DiffLine => ({ type: 'removed', text });
  const added = (text: string): DiffLine => ({ type: 'added', text });
  if (old.length * young.length > maxCells) return [...old.map(removed), ...young.map(added)];
  const width = young.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = young.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === young[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    const isSame = i < old.length && j < young.length && old[i] === young[j];
    const goesOld =
      j >= young.length ||
      (i < old.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!);
    if (isSame) {
      lines.push({ type: 'same', text: old[i]! });
      i++;
      j++;
    } else if (goesOld) lines.push(removed(old[i++]!));
    else lines.push(added(young[j++]!));
  }
  return lines;
}

/** Long stretches of equal lines become one line that counts them. */
function folded(lines: readonly DiffLine[]): readonly DiffLine[] {
  const isNear = lines.map(() => false);
  for (const [at, { type }] of lines.entries())
    if (type !== 'same') isNear.fill(true, Math.max(0, at - contextLines), at + contextLines + 1);
  const shown: DiffLine[] = [];
  let skipped = 0;
  const flush = (): void => {
    if (skipped > 0) shown.push({ type: 'skipped', text: `${skipped} equal lines` });
    skipped = 0;
  };
  for (const [at, line] of lines.entries()) {
    if (!isNear[at]) {
      skipped++;
      continue;
    }
    flush();
    shown.push(line);
  }
  flush();
  return shown;
}
