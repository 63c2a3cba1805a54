import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { keyOf, type KubeObject } from '#shared/kube/object.ts';
import type { Selector } from '#shared/kube/selectors.ts';
import type { LabelSelector } from '#shared/kube/types/meta-v1.ts';
import { useKinds } from '../../app/kinds.ts';
import { useSession } from '../../app/session.ts';
import type { LiveObjects } from '../../composables/live-objects.ts';
import { messageOf } from '../../composables/message-of.ts';

export interface OwnPods {
  /** By name; they come and go. */
  readonly pods: ComputedRef<readonly Pod[]>;
  readonly problem: ShallowRef<string | undefined>;
}

interface Workload extends KubeObject {
  readonly spec?: { readonly selector?: LabelSelector };
}

/** The pod itself, or those that a workload's selector means. */
export function useOwnPods(
  of: () => { readonly kind: string; readonly namespace: string; readonly name: string },
  all: LiveObjects<Pod>,
  selectorOf: (selector: LabelSelector | undefined) => Selector,
): OwnPods {
  const session = useSession();
  const kinds = useKinds();
  const selector = shallowRef<Selector>();
  const problem = shallowRef<string>();

  watch(
    [() => session.app, () => kinds.byId.get(of().kind), of] as const,
    async ([app, kind, { namespace, name }]) => {
      selector.value = undefined;
      if (!app || !kind || kind.plural === 'pods') return;
      const { group, version, plural } = kind;
      try {
        const target = { group, version, plural, namespace, name };
        const workload = (await app.request({ ...target, verb: 'get' })) as Workload;
        selector.value = selectorOf(workload.spec?.selector);
        problem.value = undefined;
      } catch (error) {
        problem.value = messageOf(error);
      }
    },
    { immediate: true },
  );

  const pods = computed(() => {
    const { kind, namespace, name } = of();
    if (kind === 'pods') {
      const pod = all.objects.value.get(keyOf({ namespace, name }));
      return pod ? [pod] : [];
    }
    const wanted = selector.value;
    if (!wanted || wanted.isEverything) return [];
    return [...all.objects.value.values()]
      .filter((pod) => pod.metadata.namespace === namespace && wanted.matches(pod.metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  });
  return { pods, problem };
}
