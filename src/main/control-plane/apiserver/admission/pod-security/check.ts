import type { Container, EphemeralContainer, Pod, PodSpec } from '#shared/api/types/core-v1.ts';

/** What is wrong with a pod: `reason` in a word or two, `detail` says where and what. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** The pod of a check, or the pod that a template would make. */
export interface CheckedPod {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

export type CheckPod = (pod: CheckedPod) => Violation | undefined;

/** One rule of the Pod Security Standards, with how it changed over the minor versions. */
export interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** In ascending order of the minor version that each begins with. */
  readonly versions: readonly { readonly since: number; readonly check: CheckPod }[];
  /** Rules of the baseline that this one includes. */
  readonly overrides?: readonly string[];
}

export type AnyContainer = Container | EphemeralContainer;

export function containersOf(spec: PodSpec): readonly AnyContainer[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
}

export function namesOf(
  spec: PodSpec,
  isBad: (container: AnyContainer) => boolean,
): readonly string[] {
  return containersOf(spec)
    .filter(isBad)
    .map(({ name }) => name);
}

export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(', ');
}

export function plural(one: string, many: string, count: number): string {
  return count === 1 ? one : many;
}

/** `container "a"` or `containers "a", "b"` */
export function containersNamed(names: readonly string[]): string {
  return `${plural('container', 'containers', names.length)} ${quoted(names)}`;
}

/** The pod itself, containers of it, or both, that set something. */
export function setters(isPod: boolean, containers: readonly string[]): string {
  const parts = isPod ? ['pod'] : [];
  if (containers.length > 0) parts.push(containersNamed(containers));
  return parts.join(' and ');
}

export function distinct(items: Iterable<string>): readonly string[] {
  return [...new Set(items)].sort();
}

export function isWindows({ os }: PodSpec): boolean {
  return os?.name === 'windows';
}

/** Root within a user namespace is nobody outside. */
export function hasOwnUsers({ hostUsers }: PodSpec): boolean {
  return hostUsers === false;
}

export function unless(isExempt: (spec: PodSpec) => boolean, check: CheckPod): CheckPod {
  return (pod) => (isExempt(pod.spec) ? undefined : check(pod));
}

export function checkedPod({
  metadata,
  spec,
}: {
  readonly metadata?: Pick<Pod['metadata'], 'annotations'> | undefined;
  readonly spec: PodSpec;
}): CheckedPod {
  return { annotations: metadata?.annotations ?? {}, spec };
}
