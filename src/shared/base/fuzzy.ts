/**
 * How well a text answers what was typed; undefined when it does not. Every word of the query must be
 * in the text, its letters in their order. Whole words, beginnings and short texts come first.
 * `text` and `words` are in lower case.
 */
export function fuzzyScore(text: string, words: readonly string[]): number | undefined {
  let sum = 0;
  for (const word of words) {
    const score = wordScore(text, word);
    if (score === undefined) return undefined;
    sum += score;
  }
  return sum - text.length / 64;
}

/** What was typed, as `fuzzyScore` wants it. */
export function fuzzyWords(query: string): readonly string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

const isBoundary = (text: string, index: number): boolean =>
  index === 0 || /[^a-z0-9]/.test(text[index - 1]!);

function wordScore(text: string, word: string): number | undefined {
  const at = text.indexOf(word);
  if (at >= 0) return 100 + 10 * word.length + (isBoundary(text, at) ? 50 : 0) - at / 16;
  let score = 0;
  let from = 0;
  for (const letter of word) {
    const index = text.indexOf(letter, from);
    if (index < 0) return undefined;
    score += isBoundary(text, index) ? 8 : index === from ? 4 : 0;
    from = index + 1;
  }
  return score;
}
