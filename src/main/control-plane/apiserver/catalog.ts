import type { ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import type { ObjectCodec } from '#main/control-plane/apiserver/registry/object-codec.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';
import { groupVersionOf, type Resource } from '#shared/kube/resource.ts';

/** One kind in one version, with everything that serves it. */
export interface ServedResource {
  readonly resource: Resource;
  /** Defined by a CRD. */
  readonly isCustom?: boolean;
  /** The CRD's own schema, for the OpenAPI documents. */
  readonly openApiSchema?: object | undefined;
  readonly form: ObjectForm;
  /** Absent for kinds that are answered and never stored. */
  readonly cache: ResourceCache | undefined;
  /** From this version to the stored one; absent where they are the same. */
  readonly toStored?: (draft: Draft<KubeObject>) => Draft<KubeObject> | Promise<Draft<KubeObject>>;
  readonly codec: ObjectCodec;
  readonly rest: KindRest;
}

/** What is served at the moment, by group, version and plural. */
export class Catalog {
  readonly #served = new Map<string, ServedResource>();
  readonly #listeners = new Set<() => void>();

  get(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#served.get(`${group}/${version}/${plural}`);
  }

  of({ group, version, plural }: Resource): ServedResource | undefined {
    return this.get(group, version, plural);
  }

  /** Any served version of the kind. */
  ofKind(apiVersion: string, kind: string): ServedResource | undefined {
    for (const served of this.#served.values()) {
      if (served.resource.kind === kind && groupVersionOf(served.resource) === apiVersion) {
        return served;
      }
    }
    return undefined;
  }

  hasGroupVersion(group: string, version: string): boolean {
    const prefix = `${group}/${version}/`;
    for (const key of this.#served.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  values(): IterableIterator<ServedResource> {
    return this.#served.values();
  }

  add(served: ServedResource): void {
    this.#served.set(keyOf(served.resource), served);
    this.#tell();
  }

  /** Takes some kinds out and puts others in, at once. */
  replace(old: readonly ServedResource[], served: readonly ServedResource[]): void {
    for (const { resource } of old) this.#served.delete(keyOf(resource));
    for (const each of served) this.#served.set(keyOf(each.resource), each);
    this.#tell();
  }

  /** Calls back whenever another set of kinds is served. */
  subscribe(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function keyOf({ group, version, plural }: Resource): string {
  return `${group}/${version}/${plural}`;
}
