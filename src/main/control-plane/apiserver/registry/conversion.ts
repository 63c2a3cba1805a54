import { autoscalerConversion } from '#main/control-plane/apiserver/registry/horizontal-pod-autoscaler/conversion.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';
import { eventConversion } from '#main/control-plane/apiserver/registry/event/conversion.ts';

/** Between a served version and the stored one of the same kind. */
export interface Conversion {
  toServed(object: KubeObject): KubeObject;
  toStored(draft: Draft<KubeObject>): Draft<KubeObject>;
}

const conversions: Readonly<Record<string, Conversion>> = {
  'events.k8s.io/v1 Event': eventConversion,
  'autoscaling/v1 HorizontalPodAutoscaler': autoscalerConversion,
};

export function conversionOf(resource: Resource): Conversion {
  const key = `${groupVersionOf(resource)} ${resource.kind}`;
  const conversion = conversions[key];
  if (!conversion) throw new Error(`There is no conversion for ${key}`);
  return conversion;
}
