import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { actions } from '#main/control-plane/scheduler/cluster-events.ts';
import { defaultPlugins } from '#main/control-plane/scheduler/plugins/index.ts';
import type { PluginContext } from '#main/control-plane/scheduler/plugin.ts';
import { Snapshot } from '#main/control-plane/scheduler/snapshot.ts';

type Interest = readonly (readonly string[] | boolean)[];

const facts = JSON.parse(
  readFileSync(new URL('../data/scheduler/plugins.json', import.meta.url), 'utf8'),
) as {
  readonly multiPoint: readonly (readonly [string, number])[];
  readonly events: Readonly<Record<string, Readonly<Record<string, Interest>>>>;
};
const context = {
  snapshot: new Snapshot(),
  listers: {},
  claimLedger: {},
} as unknown as PluginContext;

test("the default plugins are upstream's, in its order and with its weights", () => {
  const own = defaultPlugins.map(({ factory: { name }, weight }) => [name, weight]);
  expect(own).toEqual(facts.multiPoint);
});

test('the same changes may cure the refusals of the same plugins', () => {
  const own = Object.fromEntries(
    defaultPlugins.flatMap(({ factory, args }) => {
      const { name, events } = factory.create(context, args as never);
      if (!events) return [];
      const byResource: Record<string, (string[] | boolean)[]> = {};
      for (const { resource, action, hint } of events)
        (byResource[resource] ??= []).push(actionNames(resource, action), hint !== undefined);
      return [[name, byResource]];
    }),
  );
  expect(inOrder(own)).toEqual(inOrder(facts.events));
});

/** The order of actions says nothing. */
function inOrder(events: Readonly<Record<string, Readonly<Record<string, Interest>>>>): unknown {
  return mapValues(events, (byResource) =>
    mapValues(byResource, (parts) =>
      parts.map((part) => (Array.isArray(part) ? part.toSorted((a, b) => (a < b ? -1 : 1)) : part)),
    ),
  );
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

/** As the facts spell them: without the kind's name where that is clear. */
function actionNames(resource: string, action: number): string[] {
  if ((action & actions.update) === actions.update)
    return [...((action & actions.add) !== 0 ? ['Add'] : []), 'Update'];
  return Object.entries(actions)
    .filter(([name, bit]) => name !== 'update' && name !== 'all' && (action & bit) !== 0)
    .map(([name]) =>
      `${name.charAt(0).toUpperCase()}${name.slice(1)}`
        .replace(resource, '')
        .replace('UpdateSchedulingGates', 'SchedulingGates'),
    );
}
