import { shallowReactive } from 'vue';
import type {
  AddNodeEvent,
  CheckFinding,
  MachineFacts,
  PlannedChange,
} from '#shared/contract/nodes.ts';

export type Stage = 'form' | 'key' | 'checks' | 'plan' | 'run' | 'done';

export interface RunningStep extends PlannedChange {
  readonly state: 'waiting' | 'running' | 'done';
  readonly output: readonly string[];
}

/** Everything that is known of a machine while it is being added. */
export interface Adding {
  stage: Stage;
  question: Extract<AddNodeEvent, { type: 'question' }> | undefined;
  facts: MachineFacts | undefined;
  findings: readonly CheckFinding[];
  steps: readonly RunningStep[];
  isWaiting: boolean;
  done: Extract<AddNodeEvent, { type: 'done' }> | undefined;
  problem: string;
}

const outputLines = 200;

export function newAdding(): Adding {
  return shallowReactive<Adding>({
    stage: 'form',
    question: undefined,
    facts: undefined,
    findings: [],
    steps: [],
    isWaiting: false,
    done: undefined,
    problem: '',
  });
}

/** Takes in what has happened. */
export function apply(adding: Adding, event: AddNodeEvent): void {
  if (event.type !== 'question') adding.question = undefined;
  switch (event.type) {
    case 'question':
      adding.question = event;
      adding.stage = 'key';
      break;
    case 'entered':
      adding.stage = 'checks';
      break;
    case 'checked':
      adding.stage = 'checks';
      adding.facts = event.facts;
      adding.findings = event.findings;
      break;
    case 'plan':
      adding.stage = 'plan';
      adding.steps = event.steps.map((each) => ({ ...each, state: 'waiting', output: [] }));
      break;
    case 'step':
      adding.stage = 'run';
      adding.steps = adding.steps.map((each) =>
        each.step === event.step ? moved(each, event) : each,
      );
      break;
    case 'waiting':
      adding.stage = 'run';
      adding.isWaiting = true;
      break;
    case 'done':
      adding.stage = 'done';
      adding.isWaiting = false;
      adding.done = event;
      break;
  }
}

/** The step after that has happened to it. */
export function moved(
  step: RunningStep,
  { state, text }: { readonly state: 'running' | 'done'; readonly text: string },
): RunningStep {
  const output = text === '' ? step.output : [...step.output, text].slice(-outputLines);
  return { ...step, state, output };
}

/** `user@host` or `user@host:port`, as somebody writes it; or what is missing. */
export function machineOf(
  text: string,
): { readonly user: string; readonly host: string; readonly port: number } | string {
  const parts = /^(?:ssh:\/\/)?([^\s@/:]+)@(\[[^\]]+\]|[^\s:@/]+)(?::(\d{1,5}))?$/.exec(
    text.trim(),
  );
  if (!parts) return 'Write it as user@host, or user@host:port';
  const port = Number(parts[3] ?? 22);
  if (port < 1 || port > 65_535) return 'A port is a number from 1 to 65535';
  return { user: parts[1]!, host: parts[2]!.replace(/^\[|\]$/g, ''), port };
}
