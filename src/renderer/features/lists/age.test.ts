import { expect, test } from 'vitest';
import { ageOf } from './age.ts';

test.each([
  [0, '0s'],
  [119, '119s'],
  [125, '2m5s'],
  [600, '10m'],
  [3 * 3600 + 60, '3h1m'],
  [9 * 3600, '9h'],
  [50 * 3600, '2d2h'],
  [20 * 86400, '20d'],
  [800 * 86400, '2y70d'],
])('%d seconds are %s', (seconds, text) => {
  expect(ageOf('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1) + seconds * 1000)).toBe(text);
});
