import type { ProfileConfiguration } from '#main/control-plane/scheduler/configuration.ts';

const cpu = { name: 'cpu', weight: 1 };
const fit = (scoringStrategy: object) => [{ name: 'NodeResourcesFit', args: { scoringStrategy } }];

/** The non-default arguments that scenarios pick by scheduler name. */
export const profiles: readonly ProfileConfiguration[] = [
  {},
  {
    schedulerName: 'most',
    pluginConfig: fit({ type: 'MostAllocated', resources: [cpu, { name: 'memory', weight: 1 }] }),
  },
  {
    schedulerName: 'ratio',
    pluginConfig: fit({
      type: 'RequestedToCapacityRatio',
      resources: [cpu, { name: 'nvidia.com/gpu', weight: 3 }],
      requestedToCapacityRatio: {
        shape: [
          { utilization: 0, score: 2 },
          { utilization: 40, score: 10 },
          { utilization: 100, score: 0 },
        ],
      },
    }),
  },
  {
    schedulerName: 'least-gpu',
    pluginConfig: [
      {
        name: 'NodeResourcesFit',
        args: {
          scoringStrategy: {
            type: 'LeastAllocated',
            resources: [
              { name: 'cpu', weight: 2 },
              { name: 'memory', weight: 1 },
              { name: 'nvidia.com/gpu', weight: 5 },
            ],
          },
        },
      },
      {
        name: 'NodeResourcesBalancedAllocation',
        args: {
          resources: [cpu, { name: 'memory', weight: 1 }, { name: 'nvidia.com/gpu', weight: 1 }],
        },
      },
    ],
  },
  {
    schedulerName: 'ignored',
    pluginConfig: [
      {
        name: 'NodeResourcesFit',
        args: {
          ignoredResources: ['nvidia.com/gpu'],
          ignoredResourceGroups: ['example.com'],
        },
      },
    ],
  },
  {
    schedulerName: 'hard',
    pluginConfig: [{ name: 'InterPodAffinity', args: { hardPodAffinityWeight: 50 } }],
  },
  {
    schedulerName: 'ignore-existing',
    pluginConfig: [
      { name: 'InterPodAffinity', args: { ignorePreferredTermsOfExistingPods: true } },
    ],
  },
  {
    schedulerName: 'added',
    pluginConfig: [
      {
        name: 'NodeAffinity',
        args: {
          addedAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'arch', operator: 'In', values: ['x86'] }] },
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 40,
                preference: {
                  matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }],
                },
              },
            ],
          },
        },
      },
    ],
  },
  {
    schedulerName: 'list',
    pluginConfig: [
      {
        name: 'PodTopologySpread',
        args: {
          defaultingType: 'List',
          defaultConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
            },
          ],
        },
      },
    ],
  },
  {
    schedulerName: 'weights',
    plugins: {
      score: {
        enabled: [{ name: 'TaintToleration', weight: 20 }],
        disabled: [{ name: 'NodeResourcesBalancedAllocation' }],
      },
    },
  },
];
