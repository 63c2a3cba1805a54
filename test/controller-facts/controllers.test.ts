import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { play, type Scenario } from './player.ts';

/**
 * Every recorded scenario is played. Those that are known to differ stand in a file beside this one;
 * a new difference fails, and so does one that has gone, until the file is brought up to date
 * (`UPDATE_FACTS=1` writes it).
 */
const families = [
  'deployment',
  'replicaset',
  'statefulset',
  'daemonset',
  'job',
  'cronjob',
  'endpointslice',
  'garbage',
  'disruption',
  'quota',
  'volume',
  'namespace',
  'node',
  'cluster',
];

const list = new URL('differing.txt', import.meta.url);
const known = new Set(readFileSync(list, 'utf8').split('\n').filter(Boolean));
const differing: string[] = [];

const read = (family: string): readonly Scenario[] =>
  (
    JSON.parse(readFileSync(`test/data/controllers/${family}.json`, 'utf8')) as {
      readonly scenarios: readonly Scenario[];
    }
  ).scenarios;

test.each(families)(
  'the controllers do what upstream’s were seen to do: %s',
  async (family) => {
    const found: string[] = [];
    const details: string[] = [];
    for (const scenario of read(family)) {
      const name = `${family} ${scenario.name}`;
      // Real time still plays a part on a busy machine: what differs must do so twice.
      const first = await play(scenario);
      const differences = first.length > 0 && !known.has(name) ? await play(scenario) : first;
      if (differences.length === 0) continue;
      found.push(name);
      if (!known.has(name)) details.push(`${name}: ${differences.join('; ').slice(0, 500)}`);
    }
    differing.push(...found);
    if (process.env['UPDATE_FACTS']) {
      writeFileSync(list, differing.map((name) => `${name}\n`).join(''));
      return;
    }
    expect(details).toEqual([]);
    expect(found).toEqual([...known].filter((name) => name.startsWith(`${family} `)));
  },
  120_000,
);
