import { defineStore } from 'pinia';
import type { NodeMachine } from '#shared/contract/nodes.ts';
import { useStream } from '../../composables/use-stream.ts';

/** The machines that were added as nodes from here, and how their tunnels are. */
export const useMachines = defineStore('machines', () => {
  const { now } = useStream((app, signal) => app.machines({}, { signal }));
  return {
    now,
    of: (node: string) => now.value?.find((machine) => machine.node === node),
  };
});

export interface TunnelWords {
  readonly tone: 'good' | 'attention' | 'bad';
  readonly text: string;
}

/** How a tunnel is, what that means and whether somebody has to do something. */
export function tunnelWords({ tunnel, why = '' }: NodeMachine): TunnelWords {
  const because = why && `: ${why}`;
  switch (tunnel) {
    case 'connected':
      return { tone: 'good', text: '● tunnel connected' };
    case 'connecting':
      return { tone: 'attention', text: '◐ tunnel is being opened' };
    case 'stopped':
      return { tone: 'bad', text: `✗ tunnel stopped${because}` };
    default:
      return {
        tone: 'attention',
        text: `! no tunnel${because}. It is tried again by itself; pods there go on running.`,
      };
  }
}
