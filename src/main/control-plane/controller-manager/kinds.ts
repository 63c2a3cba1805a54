import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import { resources as builtIn } from '#shared/api/index.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import {
  allVerbs,
  groupVersionOf,
  resource,
  type Resource,
  type Verb,
} from '#shared/kube/resource.ts';
import { isTrue } from './conditions.ts';
import type { Informers } from './informers.ts';

export interface KindsListener {
  added(kind: Resource): void;
  removed(kind: Resource): void;
}

/** Every kind that can be listed, watched and deleted: built in, and defined while we run. */
export class Kinds implements Disposable {
  readonly #informers: Informers;
  readonly #custom = new Map<string, { readonly kind: Resource; readonly fingerprint: string }>();
  readonly #listeners = new Set<KindsListener>();
  readonly #subscription: Disposable;
  readonly #builtIn = deletableKinds(builtIn);

  constructor(informers: Informers) {
    this.#informers = informers;
    this.#subscription = informers
      .of(customResourceDefinitions)
      .subscribe(({ before, after }) => this.#changed(before, after));
  }

  get all(): readonly Resource[] {
    return [...this.#builtIn, ...[...this.#custom.values()].map(({ kind }) => kind)];
  }

  /** The kind that an `apiVersion` and kind name, in whatever version it is served. */
  find(apiVersion: string, kind: string): Resource | undefined {
    const isIt = (one: Resource): boolean =>
      one.kind === kind && groupVersionOf(one) === apiVersion;
    const found = builtIn.find(isIt);
    if (found) return found;
    const [group = ''] = apiVersion.split('/');
    return this.all.find(
      (one) => one.kind === kind && one.group === group && apiVersion.includes('/'),
    );
  }

  /** Tells of kinds that come and go; those that are there are told at once. */
  subscribe(listener: KindsListener): void {
    this.#listeners.add(listener);
    for (const kind of this.all) listener.added(kind);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#listeners.clear();
  }

  #changed(
    before: CustomResourceDefinition | undefined,
    after: CustomResourceDefinition | undefined,
  ): void {
    const { name } = (after ?? before)!.metadata;
    const known = this.#custom.get(name);
    const kind = after && customKind(after);
    const fingerprint = kind ? `${groupVersionOf(kind)}/${kind.kind}/${after.metadata.uid}` : '';
    if (known?.fingerprint === fingerprint) return;
    if (known) {
      this.#custom.delete(name);
      for (const listener of this.#listeners) listener.removed(known.kind);
      this.#informers.drop(known.kind);
    }
    if (!kind) return;
    this.#custom.set(name, { kind, fingerprint });
    for (const listener of this.#listeners) listener.added(kind);
  }
}

const needed: readonly Verb[] = ['list', 'watch', 'delete'];

/** One version of each; events are not worth following. */
function deletableKinds(kinds: readonly Resource[]): readonly Resource[] {
  const found = new Map<string, Resource>();
  for (const kind of kinds) {
    const { group, plural, verbs = allVerbs } = kind;
    if (plural === 'events' || !kind.storage) continue;
    if (!needed.every((verb) => verbs.includes(verb))) continue;
    const key = `${group}/${plural}`;
    if (!found.has(key)) found.set(key, kind);
  }
  return [...found.values()];
}

/** The resource that a definition which is established defines. */
function customKind({ spec, status }: CustomResourceDefinition): Resource | undefined {
  if (!isTrue(status?.conditions, 'Established')) return undefined;
  const version =
    spec.versions.find(({ storage, served }) => storage && served) ??
    spec.versions.find(({ served }) => served);
  if (!version) return undefined;
  const { names, group, scope } = spec;
  return resource<KubeObject>({
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    scope: scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    type: '',
    storage: { prefix: `/registry/${group}/${names.plural}` },
  });
}
