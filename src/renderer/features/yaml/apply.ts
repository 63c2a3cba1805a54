import { ApiError } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { App } from '../../app/connection.ts';
import type { Kind } from '../../app/kinds.ts';
import { messageOf } from '../../composables/message-of.ts';
import { changesBetween, type FieldChange } from './changes.ts';
import {
  fieldText,
  isMapValue,
  parseFieldText,
  valueAt,
  withoutFields,
  type FieldPath,
  type MapValue,
  type Value,
} from './field-path.ts';
import { fieldManager, intentOf, ownedFields, removalPatch } from './intent.ts';
import type { Rooted } from './language/schema.ts';
import { stripped } from './stripped.ts';

/** A field that somebody else owns, with another value. */
export interface Conflict {
  /** As the server names it. */
  readonly field: string;
  readonly path: FieldPath | undefined;
  readonly owner: string;
  readonly theirs: Value;
  readonly mine: Value;
}

export interface Fit {
  readonly type: 'fits';
  readonly live: KubeObject | undefined;
  readonly result: KubeObject;
  readonly changes: readonly FieldChange[];
  /** Fields of others that are taken out. */
  readonly removals: readonly FieldPath[];
  /** Settled and unsettled ones; applying waits for the latter. */
  readonly conflicts: readonly Conflict[];
}

export interface Refusal {
  readonly type: 'refused';
  readonly message: string;
  /** Fields as the server names them: `spec.replicas`. */
  readonly causes: readonly { readonly field: string; readonly message: string }[];
}

export type Outcome = Fit | Refusal;

export interface Attempt {
  readonly kind: Kind;
  /** In the version that the manifest names. */
  readonly version: string;
  readonly value: MapValue;
  readonly name: string;
  readonly namespace: string | undefined;
  /** The object as it was when the edit began; undefined for a manifest, which is applied whole. */
  readonly base: MapValue | undefined;
  /** Fields that are to be taken over, as the server names them. */
  readonly takeOver: ReadonlySet<string>;
  readonly rooted: Rooted | undefined;
}

export interface AttemptOptions {
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
}

/** Applies as the server would, or really: its answer, or what stands in the way. */
export async function attempt(
  app: App,
  wanted: Attempt,
  options: AttemptOptions,
): Promise<Outcome> {
  try {
    return await fit(writerTo(app, wanted, options), wanted, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const causes = error instanceof ApiError ? error.causes : [];
    return {
      type: 'refused',
      message: messageOf(error),
      causes: causes.map(({ field, message }) => ({ field, message })),
    };
  }
}

async function fit(
  writer: Writer,
  { value, base, takeOver, rooted }: Attempt,
  { dryRun }: AttemptOptions,
): Promise<Fit> {
  const live = await writer.read();
  const owned = ownedFields(live?.metadata.managedFields);
  const { body, removals } =
    base && live ? intentOf(value, base, { owned, rooted }) : { body: value, removals: [] };
  const isBare = base !== undefined && isIdentity(body) && Object.keys(owned).length === 0;
  const { applied, conflicts } =
    isBare && live
      ? { applied: live, conflicts: [] }
      : await applyWeighed(writer, body, { live, mine: value, takeOver, dryRun });
  let result = applied;
  if (removals.length > 0 && live) {
    const basis = (dryRun ? live : applied) as unknown as MapValue;
    const removed = await writer.remove(removalPatch(basis, removals));
    // A dry run leaves nothing for the next one to build on.
    result = dryRun ? (withoutFields(applied, removals) as KubeObject) : removed;
  }
  const changes = changesBetween(live && stripped(live), stripped(result), rooted);
  return { type: 'fits', live, result, changes, removals, conflicts };
}

interface Weighing {
  readonly live: KubeObject | undefined;
  readonly mine: MapValue;
  readonly takeOver: ReadonlySet<string>;
  readonly dryRun: boolean;
}

/** A dry run shows what taking everything over would come to; the real thing waits for each decision. */
async function applyWeighed(
  writer: Writer,
  body: MapValue,
  { live, mine, takeOver, dryRun }: Weighing,
): Promise<{ readonly applied: KubeObject; readonly conflicts: readonly Conflict[] }> {
  try {
    return { applied: await writer.apply(body, { force: false }), conflicts: [] };
  } catch (error) {
    const conflicts = conflictsOf(error, { live, mine });
    const isSettled = conflicts.every(({ field }) => takeOver.has(field));
    if (conflicts.length === 0 || (!dryRun && !isSettled)) throw error;
    return { applied: await writer.apply(body, { force: true }), conflicts };
  }
}

interface Writer {
  /** Undefined when it is not there. */
  read(): Promise<KubeObject | undefined>;
  apply(body: MapValue, options: { readonly force: boolean }): Promise<KubeObject>;
  remove(operations: readonly object[]): Promise<KubeObject>;
}

function writerTo(
  app: App,
  { kind, version, name, namespace }: Attempt,
  { dryRun, signal }: AttemptOptions,
): Writer {
  const { group, plural } = kind;
  const target = { group, version, plural, name, ...(namespace !== undefined && { namespace }) };
  const options = signal ? { signal } : {};
  const dry = dryRun ? { dryRun: 'All' } : {};
  const patch = async (
    patchType: 'application/apply-patch+yaml' | 'application/json-patch+json',
    query: Readonly<Record<string, string>>,
    body: unknown,
  ): Promise<KubeObject> =>
    (await app.request(
      { ...target, verb: 'patch', patchType, query: { fieldManager, ...dry, ...query }, body },
      options,
    )) as KubeObject;
  return {
    async read() {
      try {
        return (await app.request({ ...target, verb: 'get' }, options)) as KubeObject;
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    apply: (body, { force }) =>
      patch(
        'application/apply-patch+yaml',
        { fieldValidation: 'Strict', ...(force && { force: 'true' }) },
        body,
      ),
    remove: (operations) => patch('application/json-patch+json', {}, operations),
  };
}

/** Nothing but what says which object it is. */
function isIdentity({ apiVersion: _version, kind: _kind, metadata, ...rest }: MapValue): boolean {
  const { name: _name, namespace: _namespace, ...more } = isMapValue(metadata) ? metadata : {};
  return Object.keys(rest).length === 0 && Object.keys(more).length === 0;
}

/** The fields that others own and that would change; none when the error is another one. */
function conflictsOf(
  error: unknown,
  { live, mine }: Pick<Weighing, 'live' | 'mine'>,
): readonly Conflict[] {
  if (!ApiError.is(error, 'Conflict')) return [];
  return error.causes
    .filter(({ type }) => type === 'FieldManagerConflict')
    .map(({ field, message }) => {
      const path = parseFieldText(field, mine) ?? parseFieldText(field, live);
      return {
        field,
        path,
        owner: /conflict with "([^"]*)"/.exec(message)?.[1] ?? message,
        theirs: path && valueAt(live, path),
        mine: path && valueAt(mine, path),
      };
    });
}

/** The fields by name where there are few, else their number. */
export function changesText(changes: readonly FieldChange[]): string {
  if (changes.length > 2) return `${changes.length} fields`;
  return changes.map(({ path }) => fieldText(path).replace(/^\./, '')).join(', ');
}
