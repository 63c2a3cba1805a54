import { countName, matchesNames, type QuotaEvaluator } from '#shared/api/quota/evaluator.ts';
import { oneQuantity } from '#shared/api/quota/resource-list.ts';
import type { PersistentVolumeClaim } from '#shared/api/types/core-v1.ts';
import { compareQuantities, mustParse, type Quantity } from '#shared/kube/quantity.ts';

const group = '';
const plural = 'persistentvolumeclaims';
const storage = 'requests.storage';
const classInfix = '.storageclass.storage.k8s.io/';
const giga = 1_000_000_000n;

/** Claims and the storage that they ask for, in all and per storage class. */
export const persistentVolumeClaimEvaluator: QuotaEvaluator<PersistentVolumeClaim> = {
  group,
  plural,
  matchingResources: (names) =>
    names.filter(
      (name) =>
        name === countName({ group, plural }) ||
        name === plural ||
        name === storage ||
        name.endsWith(`${classInfix}${plural}`) ||
        name.endsWith(`${classInfix}${storage}`),
    ),
  matchesScope: (selector, claim) =>
    selector.scopeName === 'VolumeAttributesClass' &&
    matchesNames(selector, attributesClassesOf(claim)),
  usage(claim) {
    const usage = new Map<string, Quantity>([
      [plural, oneQuantity],
      [countName({ group, plural }), oneQuantity],
    ]);
    const storageClass =
      claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ??
      claim.spec?.storageClassName;
    if (storageClass) usage.set(`${storageClass}${classInfix}${plural}`, oneQuantity);
    const amount = storageOf(claim);
    if (!amount) return usage;
    usage.set(storage, amount);
    if (storageClass) usage.set(`${storageClass}${classInfix}${storage}`, amount);
    return usage;
  },
};

/** Every volume attributes class that a claim has, had or is to get. */
export function attributesClassesOf({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

/** In whole bytes; what a failed expansion still holds counts where it is more. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const requested = spec?.resources?.requests?.['storage'];
  if (requested === undefined) return undefined;
  const wanted = roundUp(mustParse(requested));
  const allocated = status?.allocatedResources?.['storage'];
  if (allocated === undefined) return wanted;
  const held = mustParse(allocated);
  return compareQuantities(held, wanted) > 0 ? roundUp(held) : wanted;
}

function roundUp(quantity: Quantity): Quantity {
  const rest = quantity.nanos % giga;
  return rest > 0n ? { ...quantity, nanos: quantity.nanos - rest + giga } : quantity;
}
