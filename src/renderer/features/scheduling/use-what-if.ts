import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { SchedulingAttempt } from '#shared/contract/scheduling.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import { onScopeDispose, shallowRef, watch, type ShallowRef } from 'vue';
import type { App } from '../../app/connection.ts';
import { useSession } from '../../app/session.ts';
import { messageOf } from '../../composables/message-of.ts';
import type { MapValue } from '../yaml/field-path.ts';
import { isMapValue } from '../yaml/field-path.ts';
import { readManifest, type Manifest } from '../yaml/manifest.ts';
import { pinnedTo, supposedPods, type SupposedPods } from './supposed-pods.ts';

export interface Supposition {
  readonly text: string;
  readonly drain: readonly string[];
  readonly remove: readonly string[];
  /** The nodes that are there. */
  readonly nodes: readonly string[];
}

export interface WhatIf {
  readonly attempts: ShallowRef<readonly SchedulingAttempt[] | undefined>;
  readonly problem: ShallowRef<string | undefined>;
  readonly isAsking: ShallowRef<boolean>;
}

const pauseMs = 300;

/** Asks the scheduler again whenever something else is supposed. Nothing real changes. */
export function useWhatIf(supposed: () => Supposition): WhatIf {
  const session = useSession();
  const whatIf: WhatIf = {
    attempts: shallowRef(),
    problem: shallowRef(),
    isAsking: shallowRef(false),
  };
  let current: AbortController | undefined;
  watch(
    () => [session.app, JSON.stringify(supposed())] as const,
    ([app]) => {
      current?.abort();
      if (!app) return;
      current = new AbortController();
      void ask(app, supposed(), { whatIf, signal: current.signal });
    },
    { immediate: true },
  );
  onScopeDispose(() => current?.abort());
  return whatIf;
}

interface Asking {
  readonly whatIf: WhatIf;
  readonly signal: AbortSignal;
}

async function ask(
  app: App,
  { text, drain, remove, nodes }: Supposition,
  { whatIf, signal }: Asking,
): Promise<void> {
  whatIf.isAsking.value = true;
  try {
    await sleep(systemClock, pauseMs, signal);
    const manifest = readManifest(text);
    if (manifest.isBroken && text.trim() !== '')
      throw new Error('The text cannot be read yet: see what is underlined');
    const added = addedNodes(manifest);
    const everyNode = [...nodes, ...added.map(nameOf)].filter((name) => !remove.includes(name));
    const pods: MapValue[] = [];
    for (const group of supposedPods(manifest.objects))
      pods.push(...(await podsOf(app, group, { everyNode, signal })));
    const answer = await app.simulate(
      { pods, addNodes: [...added], removeNodes: [...remove], drainNodes: [...drain] },
      { signal },
    );
    whatIf.attempts.value = answer.attempts;
    whatIf.problem.value = undefined;
  } catch (error) {
    if (signal.aborted) return;
    whatIf.problem.value = messageOf(error);
  } finally {
    if (!signal.aborted) whatIf.isAsking.value = false;
  }
}

function addedNodes({ objects }: Manifest): readonly Record<string, unknown>[] {
  return objects.filter(({ kind }) => kind === 'Node').map(({ value }) => ({ ...value }));
}

function nameOf({ metadata }: Record<string, unknown>): string {
  const name = isMapValue(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}

/** One pod goes through admission as a dry run, so that defaults and priority are the server's; the others are like it. */
async function podsOf(
  app: App,
  { pod, names, isPerNode, of }: SupposedPods,
  { everyNode, signal }: { readonly everyNode: readonly string[]; readonly signal: AbortSignal },
): Promise<readonly MapValue[]> {
  const metadata = isMapValue(pod['metadata']) ? pod['metadata'] : {};
  const written = metadata['namespace'];
  const namespace = typeof written === 'string' ? written : 'default';
  const [first] = names;
  if (first === undefined) return [];
  const body = { apiVersion: 'v1', kind: 'Pod', ...pod, metadata: { ...metadata, name: first } };
  let admitted: KubeObject;
  try {
    admitted = (await app.request(
      {
        verb: 'create',
        group: '',
        version: 'v1',
        plural: 'pods',
        namespace,
        query: { dryRun: 'All' },
        body,
      },
      { signal },
    )) as KubeObject;
  } catch (error) {
    throw new Error(`${of}: its pods would be refused: ${messageOf(error)}`, { cause: error });
  }
  const named = (name: string): MapValue => ({
    ...admitted,
    metadata: { ...admitted.metadata, name, namespace },
  });
  return isPerNode
    ? everyNode.map((node, index) => pinnedTo(named(`${of.split(' ')[1]!}-${index + 1}`), node))
    : names.map(named);
}
