import type { Container, Pod } from '#shared/api/types/core-v1.ts';
import { podAllowances } from '#shared/api/core/pod/allowances.ts';
import { mirrorAnnotation } from '#shared/api/core/pod/annotations.ts';
import { qualityOfService } from '#shared/api/core/pod/quality-of-service.ts';
import { annotationUpdate, validatePod } from '#shared/api/core/pod/update.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { forbiddenValue, invalidValue } from '#shared/kube/field-error.ts';
import { validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';

/** What is wrong with changes of those parts of a pod that have doors of their own. */

type Amounts = Readonly<Record<string, string>> | undefined;

const resizable = ['cpu', 'memory'];
const onlyResizable = 'only cpu and memory resources are mutable';

export function* validateEphemeralContainersUpdate(pod: Pod, old: Pod): Iterable<FieldError> {
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    yield forbiddenValue('', 'static pods do not support ephemeral containers');
    return;
  }
  const allows = podAllowances(old.spec, old.metadata, { isPod: true });
  yield* validateObjectMetaUpdate(pod.metadata, old.metadata);
  yield* validatePod(pod, allows);
  yield* annotationUpdate(pod, old, allows);
  const now = new Map((pod.spec.ephemeralContainers ?? []).map((each) => [each.name, each]));
  for (const container of old.spec.ephemeralContainers ?? []) {
    const kept = now.get(container.name);
    if (kept && semanticEqual(kept, container)) continue;
    const change = kept ? 'changed' : 'removed';
    yield forbiddenValue(
      'spec.ephemeralContainers',
      `existing ephemeral containers ${JSON.stringify(container.name)} may not be ${change}\n`,
    );
  }
}

export function* validateResize(pod: Pod, old: Pod): Iterable<FieldError> {
  if (old.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    yield forbiddenValue('', 'static pods cannot be resized');
    return;
  }
  if (old.spec.os?.name === 'windows') {
    yield forbiddenValue('', 'windows pods cannot be resized');
    return;
  }
  yield* validateObjectMetaUpdate(pod.metadata, old.metadata);
  yield* validatePod(pod, podAllowances(old.spec, old.metadata, { isPod: true }));
  const quality = old.status.qosClass || qualityOfService(old.spec);
  if (quality !== qualityOfService(pod.spec)) {
    yield invalidValue(
      'spec',
      pod.status.qosClass ?? '',
      'Pod QOS Class may not change as a result of resizing',
    );
  }
  const running = (old.status.containerStatuses ?? []).find(({ state }) => state?.running);
  if (running && !running.resources) {
    yield forbiddenValue('spec', 'Pod running on node without support for resize');
  }
  const moved = [...containersMoved(pod, old)];
  yield* moved;
  if (moved.length > 0) return;
  yield* validateInitContainers(pod, old);
  for (const [index, container] of pod.spec.containers.entries()) {
    yield* nothingRemoved(container, old.spec.containers[index]!, `spec.containers[${index}]`);
  }
  for (const [index, container] of pod.spec.containers.entries()) {
    if (!isSameBesidesSize(container, old.spec.containers[index]!)) {
      yield forbiddenValue('spec', onlyResizable);
    }
  }
}

function* containersMoved(pod: Pod, old: Pod): Iterable<FieldError> {
  for (const list of ['containers', 'initContainers'] as const) {
    const before = old.spec[list] ?? [];
    const now = pod.spec[list] ?? [];
    if (now.length !== before.length) {
      yield forbiddenValue(`spec.${list}`, `${list} may not be added or removed on resize`);
      continue;
    }
    for (const [index, { name }] of before.entries()) {
      if (now[index]!.name === name) continue;
      const field = `spec.${list}[${index}].name`;
      yield forbiddenValue(field, `${list} may not be renamed or reordered on resize`);
    }
  }
}

/** Those that run beside the others can be resized; the rest cannot. */
function* validateInitContainers(pod: Pod, old: Pod): Iterable<FieldError> {
  for (const [index, container] of (pod.spec.initContainers ?? []).entries()) {
    const before = old.spec.initContainers![index]!;
    const field = `spec.initContainers[${index}]`;
    if (container.restartPolicy !== 'Always') {
      if (!semanticEqual(container, before)) {
        yield forbiddenValue('spec', 'resources for non-sidecar init containers are immutable');
      }
      continue;
    }
    yield* nothingRemoved(container, before, field);
    if (!isSameBesidesSize(container, before)) {
      yield forbiddenValue(
        field,
        'only cpu and memory resources for init or sidecar containers are mutable',
      );
    }
  }
}

function* nothingRemoved(
  { resources }: Container,
  { resources: old }: Container,
  field: string,
): Iterable<FieldError> {
  for (const member of ['requests', 'limits'] as const) {
    const now: Amounts = resources?.[member];
    const before: Amounts = old?.[member];
    if (Object.keys(before ?? {}).every((name) => now?.[name] !== undefined)) continue;
    const what = `resource ${member} cannot be removed`;
    yield forbiddenValue(`${field}.resources.${member}`, what);
  }
}

function isSameBesidesSize(container: Container, old: Container): boolean {
  return semanticEqual(withoutSize(container), withoutSize(old));
}

function withoutSize(container: Container): unknown {
  const { resources } = container;
  const others = (amounts: Amounts): unknown =>
    Object.entries(amounts ?? {}).filter(([name]) => !resizable.includes(name));
  return { ...container, resources: [others(resources?.requests), others(resources?.limits)] };
}
