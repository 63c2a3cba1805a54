import { computed, shallowRef, watch, type ComputedRef, type ShallowRef } from 'vue';
import { useNotices } from '../../app/notices.ts';
import { useSession } from '../../app/session.ts';
import { useTasks } from '../../app/tasks.ts';
import { useKinds } from '../../app/kinds.ts';
import { attempt, changesText, type Fit } from './apply.ts';
import { attemptOf } from './attempt-of.ts';
import { changesBetween, type FieldChange } from './changes.ts';
import type { Problem } from './language/diagnose.ts';
import { parseDocuments, rangeOf } from './language/documents.ts';
import type { PathStep, Rooted } from './language/schema.ts';
import { titleOf, type ManifestObject } from './manifest.ts';
import {
  createManifestState,
  textOf,
  type ManifestState,
  type OpenConflict,
} from './manifest-state.ts';
import { moverOf, type Mover } from './movement.ts';
import { useSchemas } from './schemas.ts';
import { stripped } from './stripped.ts';
import { rebase, withField } from './text-edit.ts';
import { useChecks } from './use-checks.ts';
import { useDrafts } from './use-drafts.ts';
import { useOrigin } from './use-origin.ts';

/** Somebody else's changes since the edit began. */
export interface Movement extends Mover {
  readonly changes: readonly FieldChange[];
}

export interface ManifestEditor extends ManifestState {
  /** What the schema says, and what the server says, in the order of the text. */
  readonly problems: ComputedRef<readonly Problem[]>;
  readonly movement: ComputedRef<Movement | undefined>;
  apply(): Promise<void>;
  rebase(): void;
  keepTheirs(conflict: OpenConflict): void;
  takeOver(conflict: OpenConflict): void;
  /** Gives up what was typed for what is there. */
  startOver(): void;
}

export interface ManifestOptions {
  /** Names the draft. */
  readonly id: string;
  /** As `kindId` names it, and the object's `namespace/name`; '' for a manifest of one's own. */
  readonly kind: string;
  readonly object: string;
  readonly text: string;
}

/** Everything about one open manifest. */
export function useManifest({ id, kind, object, text }: ManifestOptions): ManifestEditor {
  const state = createManifestState();
  state.text.value = text;
  useDrafts(state, id);
  if (object !== '') useOrigin(state, kind, object);
  useChecks(state);
  const rooted = useRooted(state);
  const movement = computed((): Movement | undefined => {
    const { base, now } = state;
    if (!base.value || !now.value) return undefined;
    const changes = changesBetween(stripped(base.value), stripped(now.value), rooted.value);
    return changes.length > 0 ? { ...moverOf(base.value, now.value), changes } : undefined;
  });
  return {
    ...state,
    problems: computed(() => problemsOf(state)),
    movement,
    apply: useApply(state),
    rebase() {
      if (!movement.value || !state.now.value) return;
      const rebased = rebase(state.text.value, indexOfEdited(state), movement.value.changes);
      state.base.value = state.now.value;
      state.settled.value = textOf(state.now.value);
      state.text.value = rebased.text;
    },
    keepTheirs({ object: { index }, path, theirs }) {
      if (path) state.text.value = withField(state.text.value, index, path, theirs);
    },
    takeOver({ object: { index }, field, isTakenOver }) {
      const next = new Set(state.takenOver.value);
      if (isTakenOver) next.delete(`${index} ${field}`);
      else next.add(`${index} ${field}`);
      state.takenOver.value = next;
    },
    startOver() {
      state.base.value = state.now.value;
      state.settled.value = state.now.value ? textOf(state.now.value) : text;
      state.text.value = state.settled.value;
      state.plan.value = [];
      state.restoredFrom.value = undefined;
    },
  };
}

/** The schema of the edited object, once it has been read. */
function useRooted({ base }: ManifestState): ShallowRef<Rooted | undefined> {
  const schemas = useSchemas();
  const rooted = shallowRef<Rooted>();
  watch(
    () => [base.value?.apiVersion, base.value?.kind] as const,
    async ([apiVersion, kind]) => {
      if (apiVersion === undefined || kind === undefined) return;
      rooted.value = await schemas.rootedOf(apiVersion, kind);
    },
    { immediate: true },
  );
  return rooted;
}

function indexOfEdited({ manifest, base }: ManifestState): number {
  const { kind, metadata } = base.value ?? {};
  const found = manifest.value.objects.find(
    (object) => object.kind === kind && object.name === metadata?.name,
  );
  return found?.index ?? 0;
}

function useApply(state: ManifestState): () => Promise<void> {
  const tasks = useTasks();
  const notices = useNotices();
  const session = useSession();
  const kinds = useKinds();

  async function applyOne(object: ManifestObject): Promise<void> {
    const wanted = await attemptOf(state, object);
    if (typeof wanted === 'string') throw new Error(wanted);
    if (!session.app) throw new Error('The app is not connected');
    const outcome = await attempt(session.app, wanted, { dryRun: false });
    if (outcome.type === 'refused') throw new Error(`${titleOf(object)}: ${outcome.message}`);
    notices.tell({ tone: 'good', text: appliedText(object, outcome) });
    if (wanted.base) settle(object, outcome, wanted.rooted);
    if (object.kind === 'CustomResourceDefinition') await kinds.load();
  }

  /** The text goes on from what the server made of it. */
  function settle(object: ManifestObject, { result }: Fit, rooted: Rooted | undefined): void {
    const changes = changesBetween(object.value, stripped(result), rooted);
    const { text } = rebase(state.text.value, object.index, changes);
    state.base.value = result;
    state.now.value = result;
    state.isGone.value = false;
    state.text.value = text;
    state.settled.value = text;
  }

  return async () => {
    const { objects, isBroken } = state.manifest.value;
    if (isBroken || objects.length === 0 || state.isApplying.value) return;
    state.isApplying.value = true;
    const title = objects.length === 1 ? titleOf(objects[0]!) : `${objects.length} objects`;
    const done = await tasks.run(`Apply ${title}`, async () => {
      for (const object of objects) await applyOne(object);
      return true;
    });
    state.isApplying.value = false;
    if (!done) return;
    // What the server said of the text before is decided: nobody should decide it once more.
    state.plan.value = [];
    state.takenOver.value = new Set();
    state.restoredFrom.value = undefined;
    state.settled.value = state.text.value;
  };
}

function appliedText(object: ManifestObject, { live, changes }: Fit): string {
  if (!live) return `${titleOf(object)} created`;
  if (changes.length === 0) return `${titleOf(object)} is as written`;
  return `${titleOf(object)} changed: ${changesText(changes)}`;
}

function problemsOf({ found, plan, text, manifest }: ManifestState): readonly Problem[] {
  const documents = parseDocuments(text.value);
  const isCurrent = plan.value.length === manifest.value.objects.length;
  const said = (isCurrent ? plan.value : []).flatMap(({ object, outcome }): readonly Problem[] => {
    const document = documents[object.index];
    if (outcome.type === 'fits' || !document) return [];
    const at = (path: readonly PathStep[]): Pick<Problem, 'from' | 'to'> => {
      const [from, to] = rangeOf(document, path);
      return { from, to: Math.max(to, from + 1) };
    };
    const { causes, message } = outcome;
    if (causes.length === 0) return [{ ...at(['kind']), severity: 'error', message }];
    return causes.map((cause) => ({
      ...at(stepsOf(cause.field)),
      severity: 'error',
      message: cause.message,
    }));
  });
  const placesFound = new Set(found.value.map(({ from }) => from));
  return [...found.value, ...said.filter(({ from }) => !placesFound.has(from))].toSorted(
    (a, b) => a.from - b.from,
  );
}

/** `spec.containers[0].image` → the members on the way. */
function stepsOf(field: string): readonly PathStep[] {
  return Array.from(field.matchAll(/\[(\d+)\]|\[([^\]]*)\]|([^.[\]]+)/g), ([, index, key, name]) =>
    index === undefined ? (key ?? name ?? '') : Number(index),
  );
}
