import { shallowReactive } from 'vue';
import type { NodeMachine, NodeQuestion, RemoveNodeEvent } from '#shared/contract/nodes.ts';
import { moved, type RunningStep } from './adding.ts';

/** What a node is, as far as its removal goes. */
export type Removed = 'ssh' | 'local' | 'simulated' | 'foreign';

/** Everything that is known of a node while it is being removed. */
export interface Removing {
  readonly node: string;
  isRunning: boolean;
  question: NodeQuestion | undefined;
  drain: Extract<RemoveNodeEvent, { type: 'drain' }> | undefined;
  steps: readonly RunningStep[];
  problem: string;
  isDone: boolean;
}

export function newRemoving(node: string): Removing {
  return shallowReactive<Removing>({
    node,
    isRunning: false,
    question: undefined,
    drain: undefined,
    steps: [],
    problem: '',
    isDone: false,
  });
}

/** Takes in what has happened. */
export function applyRemoval(removing: Removing, event: RemoveNodeEvent): void {
  if (event.type !== 'question') removing.question = undefined;
  switch (event.type) {
    case 'question':
      removing.question = event;
      break;
    case 'entered':
      break;
    case 'drain':
      removing.drain = event;
      break;
    case 'step': {
      const { steps } = removing;
      const isKnown = steps.some(({ step }) => step === event.step);
      const begun: RunningStep = { step: event.step, changes: [], state: 'running', output: [] };
      removing.steps = (isKnown ? steps : [...steps, begun]).map((each) =>
        each.step === event.step ? moved(each, event) : each,
      );
      break;
    }
    case 'done':
      removing.isDone = true;
      break;
  }
}

export function removedKind(
  node: string,
  machines: readonly NodeMachine[],
  isSimulated: boolean,
): Removed {
  const known = machines.find((each) => each.node === node);
  if (known) return known.machine === 'local' ? 'local' : 'ssh';
  return isSimulated ? 'simulated' : 'foreign';
}

/** What its removal does, a sentence each. */
export function consequencesOf(
  kind: Removed,
  { machine, isForgotten }: { readonly machine: string; readonly isForgotten: boolean },
): readonly string[] {
  switch (kind) {
    case 'simulated':
      return ['It is simulated: only its object is deleted, there is no machine.'];
    case 'foreign':
      return [
        'It was not added from here: only its object is deleted, and its machine is not touched. If its kubelet still runs, it registers again.',
      ];
    case 'ssh':
    case 'local':
      break;
  }
  const place = kind === 'ssh' ? machine : 'This machine';
  if (isForgotten)
    return [
      `${place} is left as it is, and forgotten: whatever was installed there stays. Its object is deleted.`,
    ];
  return [
    `Everything that was done to ${kind === 'ssh' ? machine : 'this machine'} to make it a node is taken back, step by step: the agent, its files, and the packages that came with it. Pods that still run there end.`,
    'Then its object is deleted.',
  ];
}
