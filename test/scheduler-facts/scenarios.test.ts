import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differences } from './compare.ts';
import { play, type Scenario } from './player.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../data/scheduler/${name}`, import.meta.url), 'utf8'));

test(
  'every decision is the one that kube-scheduler v1.36.3 made',
  { timeout: 120_000 },
  async () => {
    const scenarios = read('scenarios.json') as readonly Scenario[];
    const known = read('differing.json') as Readonly<Record<string, string>>;
    const found: Record<string, string> = {};
    for (const scenario of scenarios) {
      const different = differences(scenario, await play(scenario));
      if (different.length > 0) found[scenario.id] = different.join('; ');
    }
    expect(found).toEqual(known);
  },
);
