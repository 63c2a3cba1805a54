import type { KubeObject } from '#shared/kube/object.ts';
import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import { stringify } from 'yaml';
import type { Conflict, Outcome } from './apply.ts';
import type { Problem } from './language/diagnose.ts';
import { readManifest, type Manifest, type ManifestObject } from './manifest.ts';
import { stripped } from './stripped.ts';

/** What the server says to one document. */
export interface Planned {
  readonly object: ManifestObject;
  readonly outcome: Outcome;
}

/** A conflict that waits for a decision, or has one. */
export interface OpenConflict extends Conflict {
  readonly object: ManifestObject;
  readonly isTakenOver: boolean;
}

/** One text that is edited, and all that is known about it. */
export interface ManifestState {
  readonly text: ShallowRef<string>;
  /** The text that stands for what is there: nothing is to be applied while it is unchanged. */
  readonly settled: ShallowRef<string>;
  /** The edited object as it was when the edit began; undefined for a manifest of one's own. */
  readonly base: ShallowRef<KubeObject | undefined>;
  /** The same as it is; undefined before it has been read and after it has been deleted. */
  readonly now: ShallowRef<KubeObject | undefined>;
  readonly isGone: ShallowRef<boolean>;
  readonly difficulty: ShallowRef<string | undefined>;
  /** The text comes from before a reload; when it was typed. */
  readonly restoredFrom: ShallowRef<number | undefined>;
  readonly found: ShallowRef<readonly Problem[]>;
  readonly plan: ShallowRef<readonly Planned[]>;
  /** For this text the server has not answered yet. */
  readonly isChecking: ShallowRef<boolean>;
  readonly isApplying: ShallowRef<boolean>;
  /** Names of fields, behind the index of their document. */
  readonly takenOver: ShallowRef<ReadonlySet<string>>;
  readonly manifest: ComputedRef<Manifest>;
  readonly isChanged: ComputedRef<boolean>;
  readonly conflicts: ComputedRef<readonly OpenConflict[]>;
}

export function createManifestState(): ManifestState {
  const text = shallowRef('');
  const settled = shallowRef('');
  const plan = shallowRef<readonly Planned[]>([]);
  const takenOver = shallowRef<ReadonlySet<string>>(new Set());
  return {
    text,
    settled,
    plan,
    takenOver,
    base: shallowRef(),
    now: shallowRef(),
    isGone: shallowRef(false),
    difficulty: shallowRef(),
    restoredFrom: shallowRef(),
    found: shallowRef([]),
    isChecking: shallowRef(false),
    isApplying: shallowRef(false),
    manifest: computed(() => readManifest(text.value)),
    isChanged: computed(() => text.value !== settled.value),
    conflicts: computed(() =>
      plan.value.flatMap(({ object, outcome }) =>
        outcome.type === 'fits'
          ? outcome.conflicts.map((conflict) => ({
              ...conflict,
              object,
              isTakenOver: takenOver.value.has(`${object.index} ${conflict.field}`),
            }))
          : [],
      ),
    ),
  };
}

/** An object as the text that people edit. */
export function textOf(object: KubeObject): string {
  return stringify(stripped(object), { lineWidth: 0 });
}
