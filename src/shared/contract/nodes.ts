import * as v from 'valibot';
import { call, stream } from '#shared/contract/contract.ts';

/** A machine as somebody who adds it wants to recognize it. */
export interface MachineFacts {
  readonly node: string;
  readonly system: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly memoryBytes: number;
  readonly addresses: readonly string[];
}

export interface CheckFinding {
  readonly check: string;
  readonly severity: 'error' | 'warning';
  /** What is wrong, and what to do about it. */
  readonly message: string;
}

export interface PlannedChange {
  readonly step: string;
  /** What it does, a line each. */
  readonly changes: readonly string[];
}

/** How adding a machine goes on. It waits at `question` and, once, at `plan`. */
export type AddNodeEvent =
  | {
      readonly type: 'question';
      readonly id: number;
      /** `secret`: a password, never shown or kept; `confirm`: whether the host key is right. */
      readonly kind: 'secret' | 'confirm';
      readonly text: string;
    }
  | { readonly type: 'entered' }
  | {
      readonly type: 'checked';
      readonly facts: MachineFacts;
      readonly findings: readonly CheckFinding[];
    }
  | { readonly type: 'plan'; readonly steps: readonly PlannedChange[] }
  | {
      readonly type: 'step';
      readonly step: string;
      readonly state: 'running' | 'done';
      readonly text: string;
    }
  | { readonly type: 'waiting' }
  | { readonly type: 'done'; readonly node: string; readonly removal: string };

const id = v.pipe(v.string(), v.uuid());
const short = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const machine = v.variant('type', [
  v.strictObject({ type: v.literal('local') }),
  v.strictObject({ type: v.literal('ssh'), user: short, host: short, port }),
]);

const nodeToAdd = v.strictObject({
  id,
  machine,
  /** A private key's file; without it the SSH agent's keys and the usual files are tried. */
  identity: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(4096))),
  /** The machine's own unless one is given. */
  nodeName: v.optional(short),
});
export type NodeToAdd = v.InferOutput<typeof nodeToAdd>;

/** What the window may ask about machines that are to become nodes. */
export const nodeOperations = {
  /** Under an id of the window's own. Leaving it cancels; begun again it goes on where it was. */
  addNode: stream(nodeToAdd).yields<AddNodeEvent>(),
  answerNodeQuestion: call(
    v.strictObject({
      id,
      question: v.pipe(v.number(), v.safeInteger()),
      /** A secret, a yes or no, or nothing. */
      answer: v.nullable(v.union([v.pipe(v.string(), v.maxLength(1024)), v.boolean()])),
    }),
  ).returns<null>(),
  /** Lets the plan be carried out. */
  approveNodePlan: call(v.strictObject({ id })).returns<null>(),
};
