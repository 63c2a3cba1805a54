import type { Container, Pod, Service } from '#shared/api/types/core-v1.ts';
import type { ForwardTarget } from '#shared/contract/containers.ts';
import { parseKey, type KubeObject } from '#shared/kube/object.ts';
import { useDock } from '../../app/dock.ts';
import { kindId, type Kind } from '../../app/kinds.ts';
import { useNotices } from '../../app/notices.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';

const defaultContainer = 'kubectl.kubernetes.io/default-container';
const logged = new Set([
  'pods',
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'replicasets.apps',
  'jobs.batch',
]);
const forwarded = new Set<string>([
  'pods',
  'services',
  'deployments.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'replicasets.apps',
]);

export function hasLogs(kind: Kind): boolean {
  return logged.has(kindId(kind));
}

export function hasShell(kind: Kind): boolean {
  return kindId(kind) === 'pods';
}

export function hasPorts(kind: Kind): boolean {
  return forwarded.has(kindId(kind));
}

/** The log of a pod, or of all pods of a workload in one. */
export function openLogs(kind: Kind, key: string): void {
  const { namespace = '', name } = parseKey(key);
  const props = { kind: kindId(kind), namespace, name };
  useDock().open({ kind: 'log', title: `logs ${name}`, props });
}

/** A shell in a pod's default container. */
export async function openShell(kind: Kind, key: string): Promise<void> {
  const { namespace = '', name } = parseKey(key);
  const pod = (await read(kind, key)) as Pod | undefined;
  if (!pod) return;
  const [first] = pod.spec.containers;
  const container = pod.metadata.annotations?.[defaultContainer] ?? first?.name ?? '';
  useDock().open({
    kind: 'terminal',
    title: `shell ${name}`,
    props: { namespace, pod: name, container },
  });
}

/** Asks which port, with those that are known. */
export async function openForward(kind: Kind, key: string): Promise<void> {
  const { namespace = '', name } = parseKey(key);
  const object = await read(kind, key);
  if (!object) return;
  const target = { kind: kind.plural as ForwardTarget['kind'], namespace, name };
  useDock().open({
    kind: 'port-forward',
    title: `forward ${name}`,
    props: { target: { ...target, ports: portsOf(object) } },
  });
}

/** The list of what is forwarded. */
export function openForwards(): void {
  useDock().open({ kind: 'port-forward', title: 'forwarded ports' });
}

async function read(kind: Kind, key: string): Promise<KubeObject | undefined> {
  const { app } = useSession();
  const { group, version, plural } = kind;
  const { namespace, name } = parseKey(key);
  try {
    const target = { group, version, plural, name, ...(namespace !== undefined && { namespace }) };
    return (await app?.request({ ...target, verb: 'get' })) as KubeObject | undefined;
  } catch (error) {
    const text = `${kind.kind} ${key} cannot be read`;
    useNotices().tell({ tone: 'bad', text, detail: messageOf(error) });
    return undefined;
  }
}

/** What a Service offers, or what containers say that they listen on. */
export function portsOf(object: KubeObject): readonly number[] {
  const { spec } = object as unknown as {
    readonly spec?: {
      readonly ports?: Service['spec']['ports'];
      readonly containers?: readonly Container[];
      readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
    };
  };
  if (spec?.ports) return spec.ports.map(({ port }) => port);
  const containers = spec?.containers ?? spec?.template?.spec.containers ?? [];
  return containers.flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort));
}
