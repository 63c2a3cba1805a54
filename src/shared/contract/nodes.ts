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

/** Something that only the person in front of the window knows. */
export interface NodeQuestion {
  readonly type: 'question';
  readonly id: number;
  /** `secret`: a password, never shown or kept; `confirm`: whether the host key is right. */
  readonly kind: 'secret' | 'confirm';
  readonly text: string;
}

/** A step on the machine goes on; `text` is what it says, if anything. */
export interface NodeStep {
  readonly type: 'step';
  readonly step: string;
  readonly state: 'running' | 'done';
  readonly text: string;
}

/** How adding a machine goes on. It waits at `question` and, once, at `plan`. */
export type AddNodeEvent =
  | NodeQuestion
  | { readonly type: 'entered' }
  | {
      readonly type: 'checked';
      readonly facts: MachineFacts;
      readonly findings: readonly CheckFinding[];
    }
  | { readonly type: 'plan'; readonly steps: readonly PlannedChange[] }
  | NodeStep
  | { readonly type: 'waiting' }
  | { readonly type: 'done'; readonly node: string; readonly removal: string };

/** How taking a node away goes on. */
export type RemoveNodeEvent =
  | NodeQuestion
  /** We are root on its machine. */
  | { readonly type: 'entered' }
  | {
      readonly type: 'drain';
      readonly gone: number;
      readonly total: number;
      readonly waitsFor: string;
    }
  | NodeStep
  | { readonly type: 'done' };

/** A machine that was added as a node. */
export interface NodeMachine {
  readonly node: string;
  /** `ssh://user@host:port`, or `local`. */
  readonly machine: string;
  /** `connected`, or what else it is at. */
  readonly tunnel: string;
  /** Why there is no tunnel. */
  readonly why?: string;
}

const id = v.pipe(v.string(), v.uuid());
const short = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const machine = v.variant('type', [
  v.strictObject({ type: v.literal('local') }),
  v.strictObject({ type: v.literal('ssh'), user: short, host: short, port }),
]);

/** A private key's file; without it the SSH agent's keys and the usual files are tried. */
const identity = v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(4096)));

const nodeToAdd = v.strictObject({
  id,
  machine,
  identity,
  /** The machine's own unless one is given. */
  nodeName: v.optional(short),
});
export type NodeToAdd = v.InferOutput<typeof nodeToAdd>;

const nodeToRemove = v.strictObject({
  id,
  node: short,
  identity,
  /** Whether its pods are evicted first. */
  drains: v.boolean(),
  /** Whether its machine is left as it is, for one that is gone. */
  forgets: v.boolean(),
});
export type NodeToRemove = v.InferOutput<typeof nodeToRemove>;

/** What the window may ask about machines that are nodes, or are to become ones. */
export const nodeOperations = {
  /** Under an id of the window's own. Leaving it cancels; begun again it goes on where it was. */
  addNode: stream(nodeToAdd).yields<AddNodeEvent>(),
  /** Puts its machine back as it was, where it was added from here, and deletes the node. Leaving it cancels; begun again it goes on. */
  removeNode: stream(nodeToRemove).yields<RemoveNodeEvent>(),
  /** The machines that were added as nodes; told again whenever their state changes. */
  machines: stream(v.strictObject({})).yields<readonly NodeMachine[]>(),
  answerNodeQuestion: call(
    v.strictObject({
      id,
      question: v.pipe(v.number(), v.safeInteger()),
      /** A secret, a yes or no, or nothing. */
      answer: v.nullable(v.union([v.pipe(v.string(), v.maxLength(1024)), v.boolean()])),
    }),
  ).returns<null>(),
  /** Nodes that run no containers, there at once; answers with their names. */
  addSimulatedNodes: call(
    v.strictObject({ count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5_000)) }),
  ).returns<readonly string[]>(),
  /** Lets the plan be carried out. */
  approveNodePlan: call(v.strictObject({ id })).returns<null>(),
};
