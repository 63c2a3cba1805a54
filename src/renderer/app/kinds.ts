import { defineStore } from 'pinia';
import { computed, shallowRef, watch } from 'vue';
import { messageOf } from '../composables/message-of.ts';
import { onServedChange } from './served-changes.ts';
import { useSession } from './session.ts';

/** One kind that the cluster serves, custom ones too. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  readonly shortNames: readonly string[];
  readonly verbs: readonly string[];
}

interface GroupDiscovery {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly {
    readonly version: string;
    readonly resources?: readonly {
      readonly resource: string;
      readonly responseKind: { readonly kind: string };
      readonly scope: string;
      readonly shortNames?: readonly string[];
      readonly verbs: readonly string[];
    }[];
  }[];
}

/** `pods`, `deployments.apps`: how a kind is named in addresses, as kubectl names it. */
export function kindId({ group, plural }: Pick<Kind, 'group' | 'plural'>): string {
  return group ? `${plural}.${group}` : plural;
}

/** Every kind the cluster serves, each in its preferred version, read from its own discovery. */
export const useKinds = defineStore('kinds', () => {
  const session = useSession();
  const kinds = shallowRef<readonly Kind[]>([]);
  const byId = computed(() => new Map(kinds.value.map((kind) => [kindId(kind), kind])));
  const problem = shallowRef<string>();

  async function load(): Promise<void> {
    const { app } = session;
    if (!app) return;
    try {
      const answers = await Promise.all([
        app.discovery({ root: 'api' }),
        app.discovery({ root: 'apis' }),
      ]);
      const groups = answers.flatMap(
        (answer) => (answer as { items: readonly GroupDiscovery[] }).items,
      );
      kinds.value = groups.flatMap(kindsOf).filter(({ verbs }) => verbs.includes('list'));
      problem.value = undefined;
    } catch (error) {
      problem.value = messageOf(error);
    }
  }

  /** The kind of an object or a reference, in whatever version it is spoken of. */
  function named(apiVersion: string, kind: string): Kind | undefined {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    return kinds.value.find((each) => each.kind === kind && each.group === group);
  }

  let following: AbortController | undefined;
  watch(
    () => session.app,
    (app) => {
      following?.abort();
      void load();
      if (!app) return;
      following = new AbortController();
      onServedChange(app, () => void load(), following.signal);
    },
    { immediate: true },
  );
  return { kinds, byId, problem, load, named };
});

function kindsOf({ metadata, versions }: GroupDiscovery): readonly Kind[] {
  const [preferred] = versions;
  return (preferred?.resources ?? []).map((each) => ({
    group: metadata.name ?? '',
    version: preferred!.version,
    kind: each.responseKind.kind,
    plural: each.resource,
    isNamespaced: each.scope === 'Namespaced',
    shortNames: each.shortNames ?? [],
    verbs: each.verbs,
  }));
}
