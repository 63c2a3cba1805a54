import type { PodSpec } from '#shared/api/types/core-v1.ts';
import { eachContainer } from '#shared/api/core/pod/each-container.ts';
import type { Draft } from '#shared/kube/object.ts';

/** Fields of features that are off by default are dropped, unless the old pod has them already. */
export function dropDisabledFields(spec: Draft<PodSpec>, old: PodSpec | undefined): void {
  if (spec.schedulingGroup && !old?.schedulingGroup) delete spec.schedulingGroup;
  dropProjections(spec, old, 'clusterTrustBundle');
  dropProjections(spec, old, 'podCertificate');
  dropStopSignals(spec, old);
}

function dropProjections(
  spec: Draft<PodSpec>,
  old: PodSpec | undefined,
  member: 'clusterTrustBundle' | 'podCertificate',
): void {
  if (!usesProjection(spec, member) || usesProjection(old, member)) return;
  for (const { projected } of spec.volumes ?? []) {
    for (const source of projected?.sources ?? []) delete source[member];
  }
}

function usesProjection(
  spec: PodSpec | undefined,
  member: 'clusterTrustBundle' | 'podCertificate',
): boolean {
  return (spec?.volumes ?? []).some(({ projected }) =>
    projected?.sources?.some((source) => source[member] !== undefined),
  );
}

function dropStopSignals(spec: Draft<PodSpec>, old: PodSpec | undefined): void {
  if (!usesStopSignal(spec) || usesStopSignal(old)) return;
  for (const [container] of eachContainer(spec, '')) {
    const draft = container as Draft<typeof container>;
    if (draft.lifecycle?.stopSignal === undefined) continue;
    delete draft.lifecycle.stopSignal;
    if (Object.keys(draft.lifecycle).length === 0) delete draft.lifecycle;
  }
}

function usesStopSignal(spec: PodSpec | undefined): boolean {
  if (!spec) return false;
  for (const [{ lifecycle }] of eachContainer(spec, '')) {
    if (lifecycle?.stopSignal !== undefined) return true;
  }
  return false;
}
