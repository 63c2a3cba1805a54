import type { Contents, ContentsChange, Edit } from '#agent/nftables/contents.ts';

/** `ip kube-proxy`: a family and a name. */
export type TableName = `${'ip' | 'ip6' | 'inet'} ${string}`;

/** Elements that go in one command: nft takes long lines, but not endless ones. */
const elementsPerCommand = 1000;

/** The commands that make the table anew with these contents, whatever it held before. */
export function replacement(table: TableName, contents: Contents): string {
  return [
    `add table ${table}`,
    `delete table ${table}`,
    `add table ${table}`,
    edits(table, {
      chains: asAdded(contents.chains),
      sets: asAdded(contents.sets),
      elements: new Map([...contents.elements].map(([set, all]) => [set, asAdded(all)])),
    }),
  ].join('\n');
}

/** The commands for what has changed; empty when nothing has. One transaction: all or nothing. */
export function edits(table: TableName, { chains, sets, elements }: ContentsChange): string {
  const newSets = [...sets].filter(([, { was }]) => was === undefined);
  const oldSets = new Set([...sets].filter(([, { is }]) => is === undefined).map(([name]) => name));
  return [
    // Whatever is referred to comes first and goes last.
    ...newSets.map(([name, { is = '' }]) => `add ${is.replace(' ', ` ${table} ${name} `)}`),
    ...[...chains].map(([name, { was, is }]) =>
      is && !was ? chainCommand(table, name, is.hook) : '',
    ),
    ...[...elements]
      .filter(([set]) => !oldSets.has(set))
      .flatMap(([set, changed]) => [
        ...elementCommands('delete', `${table} ${set}`, keysGone(changed)),
      ]),
    ...[...chains].map(([name, { was }]) => (was ? `flush chain ${table} ${name}` : '')),
    ...[...chains].flatMap(([name, { is }]) =>
      (is?.rules ?? []).map((rule) => `add rule ${table} ${name} ${rule}`),
    ),
    ...[...elements].flatMap(([set, changed]) => [
      ...elementCommands('add', `${table} ${set}`, elementsAdded(changed)),
    ]),
    ...[...chains].map(([name, { is }]) => (is ? '' : `delete chain ${table} ${name}`)),
    ...[...oldSets].map((name) => `delete ${kindOf(sets.get(name)?.was)} ${table} ${name}`),
  ]
    .filter((command) => command !== '')
    .join('\n');
}

function asAdded<T>(all: ReadonlyMap<string, T>): ReadonlyMap<string, Edit<T>> {
  return new Map([...all].map(([key, is]) => [key, { was: undefined, is }]));
}

function chainCommand(table: TableName, name: string, hook: string | undefined): string {
  return `add chain ${table} ${name}${hook === undefined ? '' : ` { ${hook} ; }`}`;
}

function keysGone(changed: ReadonlyMap<string, Edit<string>>): string[] {
  return [...changed].filter(([, { was }]) => was !== undefined).map(([key]) => key);
}

function elementsAdded(changed: ReadonlyMap<string, Edit<string>>): string[] {
  return [...changed].flatMap(([key, { is }]) =>
    is === undefined ? [] : is === '' ? key : `${key} : ${is}`,
  );
}

function* elementCommands(
  verb: 'add' | 'delete',
  set: string,
  elements: readonly string[],
): Generator<string> {
  for (let at = 0; at < elements.length; at += elementsPerCommand) {
    const some = elements.slice(at, at + elementsPerCommand);
    yield `${verb} element ${set} { ${some.join(', ')} }`;
  }
}

function kindOf(definition = 'set'): string {
  return definition.slice(0, definition.indexOf(' '));
}
