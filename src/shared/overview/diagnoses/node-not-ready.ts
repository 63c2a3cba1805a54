import { conditionOf, type Diagnosis } from './diagnosis.ts';

export const nodeNotReady: Diagnosis = {
  name: 'node not ready',
  applicable: ({ nodes }) => nodes.length > 0,
  check: ({ nodes, pods }) =>
    nodes.flatMap((node) => {
      const ready = conditionOf(node, 'Ready');
      if (ready?.status === 'True') return [];
      const { name } = node.metadata;
      const affected = pods.filter(({ spec }) => spec.nodeName === name).length;
      const isSilent = ready?.status === 'Unknown';
      return [
        {
          id: `node ${name}`,
          what: `${name} is ${isSilent ? 'silent' : 'not ready'}${affected ? `, with ${affected} ${affected === 1 ? 'pod' : 'pods'} on it` : ''}`,
          why: ready?.message || ready?.reason || 'it has not reported its state yet',
          cost: 1_000 + affected,
          about: name,
        },
      ];
    }),
  fixes: ({ about }) => [
    { title: `Open ${about}`, section: 'nodes', kind: 'nodes', object: about },
  ],
};
