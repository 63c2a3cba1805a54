import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  TopologySelectorTerm,
} from '#shared/api/types/core-v1.ts';
import { compileNodeSelector } from '#shared/kube/node-selection.ts';
import { quantityValue } from '#shared/kube/quantity.ts';
import { selectorOf } from '#shared/kube/selectors.ts';
import { noLabels, type Labels } from '../affinity-terms.ts';
import { classOf } from './volumes.ts';

/** Whether the volume can be reached from the node. */
export function isReachable({ spec }: PersistentVolume, { metadata }: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || compileNodeSelector(required)({ metadata });
}

/** The size a claim asks for; absent when it does not say. */
export function requestedSize({ spec }: PersistentVolumeClaim): number | undefined {
  const text = spec?.resources?.requests?.['storage'];
  return text === undefined ? undefined : quantityValue(text);
}

export function capacityOf({ spec }: PersistentVolume): number {
  return quantityValue(spec?.capacity?.['storage'] ?? '0');
}

/** The smallest free volume that suits the claim on the node, or the one promised to it. */
export function findMatchingVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, taken }: { readonly node: Node; readonly taken: ReadonlySet<string> },
): PersistentVolume | undefined {
  const wanted = requestedSize(claim) ?? 0;
  const selector = claim.spec?.selector && selectorOf(claim.spec.selector);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    if (taken.has(metadata.name ?? '')) continue;
    const isPromised = isPromisedTo(volume, claim);
    if (spec?.claimRef && !isPromised) continue;
    if (capacityOf(volume) < wanted || !suits(claim, volume)) continue;
    if (metadata.deletionTimestamp) continue;
    const reachable = isReachable(volume, node);
    if (isPromised) return reachable ? volume : undefined;
    if (status?.phase !== 'Available') continue;
    if (selector && !selector.matches(metadata.labels)) continue;
    if (classOf(volume) !== classOf(claim) || !reachable) continue;
    const modes = new Set(spec?.accessModes);
    if (claim.spec?.accessModes?.some((mode) => !modes.has(mode))) continue;
    if (!best || capacityOf(best) > capacityOf(volume)) best = volume;
  }
  return best;
}

/** Whether the volume names this claim as its own. */
export function isPromisedTo({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (!reference) return false;
  const { name, namespace, uid } = claim.metadata;
  if (reference.name !== name || reference.namespace !== namespace) return false;
  return !reference.uid || reference.uid === uid;
}

/** No terms allow every node; an empty term allows none. */
export function isAllowedTopology(
  terms: readonly TopologySelectorTerm[] | undefined,
  labels: Labels = noLabels,
): boolean {
  if (!terms?.length) return true;
  return terms.some(
    ({ matchLabelExpressions = [] }) =>
      matchLabelExpressions.length > 0 &&
      matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? '\0')),
  );
}

function suits(
  { spec: claim }: PersistentVolumeClaim,
  { spec: volume }: PersistentVolume,
): boolean {
  if ((claim?.volumeMode ?? 'Filesystem') !== (volume?.volumeMode ?? 'Filesystem')) return false;
  return (claim?.volumeAttributesClassName ?? '') === (volume?.volumeAttributesClassName ?? '');
}
