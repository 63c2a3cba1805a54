import { expect, test } from 'vitest';
import { fuzzyScore, fuzzyWords } from '#shared/base/fuzzy.ts';

const ranked = (texts: readonly string[], query: string): readonly string[] =>
  texts
    .map((text) => ({ text, score: fuzzyScore(text.toLowerCase(), fuzzyWords(query)) }))
    .filter(({ score }) => score !== undefined)
    .toSorted((a, b) => b.score! - a.score!)
    .map(({ text }) => text);

test.each([
  ['a beginning before a middle', ['kube-web', 'web-1'], 'web', ['web-1', 'kube-web']],
  ['a whole piece before letters in order', ['w-e-b', 'cobweb'], 'web', ['cobweb', 'w-e-b']],
  ['beginnings of words', ['Go to Custom', 'go cluster'], 'gtc', ['Go to Custom']],
  ['every word, in any order', ['default/web', 'default/api'], 'web def', ['default/web']],
  ['the short before the long', ['web-long-name', 'web'], 'web', ['web', 'web-long-name']],
  ['nothing for letters that are not there', ['web'], 'wx', []],
])('finds %s', (_name, texts, query, expected) => {
  expect(ranked(texts, query)).toEqual(expected);
});
