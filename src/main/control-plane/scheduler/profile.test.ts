import { expect, test } from 'vitest';
import type { PluginContext } from './plugin.ts';
import { createProfile } from './profile.ts';
import { Snapshot } from './snapshot.ts';

const context = {
  snapshot: new Snapshot(),
  listers: {},
  claimLedger: {},
} as unknown as PluginContext;

test('weights are overridden, plugins disabled and args filled in as a configuration says', () => {
  const { score, filter } = createProfile(context, {
    schedulerName: 'own',
    plugins: {
      multiPoint: { disabled: [{ name: 'NodePorts' }] },
      score: {
        enabled: [{ name: 'TaintToleration', weight: 20 }],
        disabled: [{ name: 'ImageLocality' }],
      },
    },
  });
  expect(score.map(({ plugin: { name }, weight }) => `${name} ${weight}`)).toEqual([
    'TaintToleration 20',
    'NodeAffinity 2',
    'NodeResourcesFit 1',
    'PodTopologySpread 2',
    'InterPodAffinity 2',
    'DynamicResources 2',
    'NodeResourcesBalancedAllocation 1',
  ]);
  expect(filter.map(({ name }) => name)).not.toContain('NodePorts');
});

test('a plugin that does not exist is an error', () => {
  const plugins = { multiPoint: { enabled: [{ name: 'Nonsense' }] } };
  expect(() => createProfile(context, { plugins })).toThrow('no scheduler plugin Nonsense');
});
