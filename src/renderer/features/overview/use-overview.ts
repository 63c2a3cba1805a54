import { onScopeDispose, shallowRef, type ShallowRef } from 'vue';
import type { Health } from '#shared/contract/app.ts';
import { openApp } from '../../app/connection.ts';

export interface TableView {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

export interface Overview {
  readonly health: ShallowRef<Health | undefined>;
  readonly nodes: ShallowRef<TableView | undefined>;
  readonly problem: ShallowRef<string | undefined>;
}

/** How the control plane is and which nodes there are, looked at anew once a second. */
export function useOverview(): Overview {
  const health = shallowRef<Health>();
  const nodes = shallowRef<TableView>();
  const problem = shallowRef<string>();
  const gone = new AbortController();
  onScopeDispose(() => gone.abort());

  async function follow(): Promise<void> {
    using app = await openApp();
    for await (const now of app.health({}, { signal: gone.signal })) {
      health.value = now;
      const target = { group: '', version: 'v1', plural: 'nodes', verb: 'list' } as const;
      nodes.value = (await app.table(target)) as TableView;
      problem.value = undefined;
    }
  }

  follow().catch((error: unknown) => {
    problem.value = error instanceof Error ? error.message : String(error);
  });
  return { health, nodes, problem };
}
