import type { KubeObject } from '#shared/kube/object.ts';

/** Text that was typed and not applied, and what it began from. */
export interface Draft {
  readonly text: string;
  /** The object that is edited, as it was then; undefined for a new manifest. */
  readonly base?: KubeObject;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Keeps typed text through a reload or a crash. What may hold a secret ends with the window. */
export function draftsOf(cluster: string, isSecret: (draft: Draft) => boolean) {
  const keyOf = (id: string): string => `${cluster} draft ${id}`;
  return {
    read(id: string): Draft | undefined {
      const text = localStorage.getItem(keyOf(id)) ?? sessionStorage.getItem(keyOf(id));
      return text === null ? undefined : parse(text);
    },
    /** Throws when the browser has no room left. */
    write(id: string, draft: Draft): void {
      const storage = isSecret(draft) ? sessionStorage : localStorage;
      storage.setItem(keyOf(id), JSON.stringify(draft));
    },
    drop(id: string): void {
      localStorage.removeItem(keyOf(id));
      sessionStorage.removeItem(keyOf(id));
    },
  };
}

function parse(text: string): Draft | undefined {
  try {
    const draft = JSON.parse(text) as Partial<Draft>;
    return typeof draft.text === 'string' && typeof draft.at === 'number'
      ? (draft as Draft)
      : undefined;
  } catch {
    return undefined; // from another version: there is nothing to restore
  }
}
