import { pods } from '#shared/api/core/pod.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import { patchTypes } from '#shared/client/transport.ts';
import { stateOf, type Decision } from './cycle.ts';
import type { NodeInfo } from './node-info.ts';
import type { Plugin, RecordEvent, Rejection } from './plugin.ts';

export interface BindingOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly recordEvent: RecordEvent;
}

export type Placement = Decision & { readonly node: NodeInfo };

/** What a plugin refused after the choice, or what went wrong. */
export class BindingError extends Error {
  override readonly name = 'BindingError';
  readonly rejection: Rejection | undefined;

  constructor(message: string, options: ErrorOptions & { readonly rejection?: Rejection } = {}) {
    super(message, options);
    this.rejection = options.rejection;
  }
}

/** Lets the plugins claim what the pod will use; all of them let go again when one refuses. */
export function reserve(placement: Placement): void {
  const { profile, pod, node } = placement;
  const done: Plugin[] = [];
  try {
    for (const plugin of profile.reserve) {
      done.unshift(plugin);
      const rejection = plugin.reserve?.(stateOf(placement, plugin.name), pod, node.name);
      if (rejection) throw refused(rejection);
    }
  } catch (error) {
    for (const plugin of done) plugin.unreserve?.(stateOf(placement, plugin.name), pod, node.name);
    throw error;
  }
}

export function unreserve(placement: Placement): void {
  const { profile, pod, node } = placement;
  for (const plugin of profile.reserve.toReversed())
    plugin.unreserve?.(stateOf(placement, plugin.name), pod, node.name);
}

/** Permit, preBind, bind, postBind. Throws when the pod cannot be bound. */
export async function bind(
  placement: Placement,
  options: BindingOptions,
  signal: AbortSignal,
): Promise<void> {
  const { profile, pod, node } = placement;
  const nodeName = node.name;
  const target = { nodeName, signal };
  const preparing = profile.preBind.filter(
    (plugin) => plugin.needsPreBind?.(stateOf(placement, plugin.name), nodeName) ?? true,
  );
  if (preparing.length > 0 || profile.permit.length > 0) await announce(placement, options, signal);
  for (const plugin of profile.permit) {
    const rejection = await plugin.permit?.(pod, nodeName);
    if (rejection) throw refused(rejection);
  }
  for (const plugin of preparing) {
    const rejection = await plugin.preBind?.(stateOf(placement, plugin.name), pod, target);
    if (rejection) throw refused(rejection);
  }
  signal.throwIfAborted();
  let isBound = false;
  for (const plugin of profile.bind) {
    isBound = (await plugin.bind?.(pod, target)) ?? false;
    if (isBound) break;
  }
  if (!isBound) throw new BindingError(`No plugin binds pod ${pod.key} to node ${nodeName}`);
  options.recordEvent({
    regarding: pod.pod,
    type: 'Normal',
    reason: 'Scheduled',
    action: 'Binding',
    note: `Successfully assigned ${pod.namespace}/${pod.name} to ${nodeName}`,
  });
  for (const plugin of profile.postBind) plugin.postBind?.(pod, nodeName);
}

/** What takes long is announced: others may count on the pod's coming. */
async function announce(
  { pod, node }: Placement,
  { cluster, log }: BindingOptions,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = pod;
  if (pod.pod.status?.nominatedNodeName === node.name) return;
  const body = { status: { nominatedNodeName: node.name } };
  try {
    await cluster.patch<Pod>(
      pods,
      { namespace, name },
      { type: patchTypes.strategic, body },
      { subresource: 'status', signal },
    );
  } catch (error) {
    log.warn('Cannot announce the node of a pod; binding goes on', { pod: pod.key, error });
  }
}

function refused(rejection: Rejection): BindingError {
  return new BindingError(rejection.reasons.join(', '), { rejection });
}
