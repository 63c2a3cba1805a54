import { expect, test } from 'vitest';
import { Recent } from './recent.ts';

test('What is used stays, what is not goes, however much comes by', () => {
  const recent = new Recent<string, number>(10);
  recent.set('used', 1);
  recent.set('unused', 2);
  for (let at = 0; at < 100; at++) {
    recent.set(`other ${at}`, at);
    expect(recent.get('used')).toBe(1);
  }
  expect(recent.get('unused')).toBeUndefined();
  expect(recent.get('other 99')).toBe(99);
});
