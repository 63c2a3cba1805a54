import { expect, test } from 'vitest';
import { PartBuilder, type TablePart } from '#agent/nftables/part.ts';
import { NftTable } from '#agent/nftables/table.ts';

/** A table over an nft that notes what it is given, and refuses when told to. */
function table(): { table: NftTable; given: string[]; refuse: { next: boolean } } {
  const given: string[] = [];
  const refuse = { next: false };
  const run = async (_program: string, _args: readonly string[], options?: { input?: string }) => {
    if (refuse.next) {
      refuse.next = false;
      throw new Error('No such file or directory');
    }
    given.push(options?.input ?? '');
    return '';
  };
  return { table: new NftTable({ name: 'ip test', run, witness: 'set s' }), given, refuse };
}

const part = (
  elements: Readonly<Record<string, string>>,
  rules: readonly string[] = ['accept'],
): TablePart => {
  const builder = new PartBuilder()
    .set('m', 'map { type ipv4_addr : verdict ; }')
    .chain('c', rules);
  for (const [key, value] of Object.entries(elements)) builder.element('m', key, value);
  return builder;
};

test('the first transaction replaces whatever was there, at once', async () => {
  const { table: own, given } = table();
  own.put('a', part({ '10.0.0.1': 'goto c' }));
  await own.apply();
  expect(given).toEqual([
    [
      'add table ip test',
      'delete table ip test',
      'add table ip test',
      'add map ip test m { type ipv4_addr : verdict ; }',
      'add chain ip test c',
      'add rule ip test c accept',
      'add element ip test m { 10.0.0.1 : goto c }',
    ].join('\n'),
  ]);
});

test.each<[string, (own: NftTable) => void, string]>([
  ['nothing changes', (own) => own.put('a', part({ '10.0.0.1': 'goto c' })), ''],
  [
    'an element’s value: it goes and comes',
    (own) => own.put('a', part({ '10.0.0.1': 'drop' })),
    'delete element ip test m { 10.0.0.1 }\nadd element ip test m { 10.0.0.1 : drop }',
  ],
  [
    'a rule: only its chain is written again',
    (own) => own.put('a', part({ '10.0.0.1': 'goto c' }, ['drop'])),
    'flush chain ip test c\nadd rule ip test c drop',
  ],
  [
    'one of two owners leaves: what both had stays',
    (own) => own.put('b', undefined),
    'delete element ip test m { 10.0.0.2 }',
  ],
  [
    'an owner disagrees: the first one is right',
    (own) => own.put('b', part({ '10.0.0.1': 'drop', '10.0.0.2': 'drop' })),
    '',
  ],
  [
    'all leave: what is referred to goes last',
    (own) => {
      own.put('a', undefined);
      own.put('b', undefined);
    },
    'flush chain ip test c\ndelete chain ip test c\ndelete map ip test m',
  ],
])('then only what is different: %s', async (_, change, expected) => {
  const { table: own, given } = table();
  own.put('a', part({ '10.0.0.1': 'goto c' }));
  own.put('b', part({ '10.0.0.1': 'goto c', '10.0.0.2': 'drop' }));
  await own.apply();
  given.length = 0;
  change(own);
  await own.apply();
  expect(given.join('\n')).toBe(expected);
});

test('a change that the kernel refuses is made by replacing the table', async () => {
  const { table: own, given, refuse } = table();
  own.put('a', part({ '10.0.0.1': 'goto c' }));
  await own.apply();
  given.length = 0;
  own.put('a', part({ '10.0.0.1': 'drop' }));
  refuse.next = true;
  await own.apply();
  expect(given).toHaveLength(1);
  expect(given[0]).toMatch(/^add table ip test\ndelete table ip test\n/);
  expect(given[0]).toContain('add element ip test m { 10.0.0.1 : drop }');
});
