/**
 * NetworkPolicy, networking.k8s.io/v1, as pure functions: the one place that says what policies mean.
 * Nodes enforce what it says, the window explains it, tests compare it with real packets.
 */
export type { Direction } from '#shared/policy/compile.ts';
export { reachChanges, type ReachChange } from '#shared/policy/difference.ts';
export {
  evaluate,
  evaluateIn,
  reachablePorts,
  type DirectionVerdict,
  type Flow,
  type FlowVerdict,
  type Miss,
  type PolicyName,
  type RuleName,
} from '#shared/policy/evaluate.ts';
export { createPolicyModel, type PolicyModel, type PolicyWorld } from '#shared/policy/model.ts';
export { meaningOf, type Opening, type PolicyMeaning } from '#shared/policy/openings.ts';
export type { Endpoint } from '#shared/policy/party.ts';
export type { PortMatch, PortRange, Protocol } from '#shared/policy/ports.ts';
