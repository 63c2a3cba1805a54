export const maxNodeScore = 100;

/** Scales 0…highest to 0…100, or to 100…0 when reversed, as upstream's DefaultNormalizeScore. */
export function normalizeByHighest(scores: Int32Array, { reversed }: { reversed: boolean }): void {
  let highest = 0;
  for (const score of scores) if (score > highest) highest = score;
  if (highest === 0) {
    if (reversed) scores.fill(maxNodeScore);
    return;
  }
  for (let index = 0; index < scores.length; index++) {
    const score = Math.trunc((maxNodeScore * (scores[index] ?? 0)) / highest);
    scores[index] = reversed ? maxNodeScore - score : score;
  }
}
