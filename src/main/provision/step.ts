import type { Assets } from '#main/provision/assets.ts';
import type { Facts } from '#main/provision/facts.ts';
import type { Machine } from '#main/provision/machine.ts';

/** PEM. */
export interface NodeCredentials {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
}

/** What a machine is to become. */
export interface NodePlan {
  readonly nodeName: string;
  /** Tells clusters apart, whatever they are called. */
  readonly cluster: string;
  /** The first one is the node's InternalIP. */
  readonly addresses: readonly string[];
  readonly serviceRange: string;
  readonly podRange: string;
  readonly credentials: NodeCredentials;
  /** Who may attach to the agent, over SSH with a key of the cluster's own or on this machine. */
  readonly access: NodeAccess;
}

export interface NodeAccess {
  readonly user: string;
  /** OpenSSH public key; absent on this machine itself. */
  readonly publicKey?: string;
}

export interface StepContext {
  readonly machine: Machine;
  readonly facts: Facts;
  readonly plan: NodePlan;
  readonly assets: Assets;
  readonly signal?: AbortSignal | undefined;
  /** How far a long step has come. */
  progress(text: string): void;
}

/** One thing that makes a machine a node. Every part may be run again after it broke off anywhere. */
export interface Step<Prior = unknown> {
  readonly name: string;
  /** What has to change, a line each; empty when all is as it should be. Changes nothing. */
  detect(context: StepContext): Promise<readonly string[]>;
  /** What is there before the first change, for `undo`. */
  prior(context: StepContext): Promise<Prior>;
  apply(context: StepContext): Promise<void>;
  /** What still works not, beyond what `detect` sees; empty when all is well. */
  verify?(context: StepContext): Promise<readonly string[]>;
  /** Puts back what was there before. */
  undo(machine: Machine, prior: Prior): Promise<void>;
}

export function step<Prior>(definition: Step<Prior>): Step {
  return Object.freeze(definition);
}
