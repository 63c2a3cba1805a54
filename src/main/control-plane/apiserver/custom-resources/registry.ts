import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { establish } from '#main/control-plane/apiserver/custom-resources/conditions.ts';
import { servedVersions } from '#main/control-plane/apiserver/custom-resources/served.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import { objectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import type { ResourceCache } from '#main/control-plane/apiserver/storage/resource-cache.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { customResourceDefinitions } from '#shared/api/apiextensions/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '#shared/api/types/apiextensions-v1.ts';
import type { Draft } from '#shared/kube/object.ts';
import { semanticEqual } from '#shared/kube/equality.ts';

const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

interface Known {
  readonly cache: ResourceCache;
  /** What is served of it now; another spec means other versions. */
  spec: CustomResourceDefinition['spec'];
  served: readonly ServedResource[];
}

/** Serves what CustomResourceDefinitions define, as long as they are there. */
export class CustomResources implements AsyncDisposable {
  readonly #core: Core;
  readonly #loop: KeyedLoop<string>;
  readonly #known = new Map<string, Known>();
  readonly #subscription: Disposable;

  constructor(core: Core) {
    this.#core = core;
    this.#loop = new KeyedLoop<string>({
      clock: core.clock,
      concurrency: 1,
      backoffMs: exponential(50, 30_000),
      onError: (name, error) =>
        core.log.warn('A custom resource definition cannot be served; trying again', {
          name,
          error,
        }),
      run: (name) => this.#reconcile(name),
    });
    this.#subscription = core.cache.subscribe(customResourceDefinitions, ({ before, after }) =>
      this.#loop.add((after ?? before)!.metadata.name),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]();
    await this.#loop[Symbol.asyncDispose]();
  }

  async #reconcile(name: string): Promise<void> {
    const cache = cacheOf(this.#core.catalog.of(customResourceDefinitions)!);
    const entry = cache.get('', name);
    if (!entry) {
      this.#remove(name);
      return;
    }
    const definition = entry.object as CustomResourceDefinition;
    if (definition.metadata.deletionTimestamp) {
      await this.#finish(name, definition);
      return;
    }
    const all = [...this.#core.cache.list(customResourceDefinitions)];
    const status = establish(definition, { others: all, clock: this.#core.clock });
    if (!semanticEqual(status, definition.status)) {
      const draft = { ...definition, metadata: { ...definition.metadata }, status };
      await this.#core.objects.update(cache, entry, draft);
      return; // the change comes back here
    }
    const isEstablished = status?.conditions?.some(
      (condition) => condition.type === 'Established' && condition.status === 'True',
    );
    if (isEstablished) await this.#serve(name, definition);
  }

  async #serve(name: string, definition: CustomResourceDefinition): Promise<void> {
    const known = this.#known.get(name);
    if (known && semanticEqual(known.spec, definition.spec)) return;
    const { group, names, scope, versions } = definition.spec;
    const stored = versions.find(({ storage }) => storage);
    if (!stored) return;
    const apiVersion = `${group}/${stored.name}`;
    const { watchCache, catalog } = this.#core;
    let cache = known?.cache;
    const keepsVersions = definition.spec.conversion?.strategy === 'Webhook';
    const isOther =
      cache?.form.apiVersion !== apiVersion ||
      cache.form.kind !== names.kind ||
      cache.options.keepsVersions !== keepsVersions;
    if (!cache || isOther) {
      if (cache) watchCache.remove(cache);
      const prefix = `/registry/${group}/${names.plural}`;
      const isNamespaced = scope === 'Namespaced';
      cache = watchCache.add(prefix, objectForm(apiVersion, names.kind), {
        isNamespaced,
        keepsVersions,
      });
      await watchCache.load(cache);
    }
    const served = servedVersions(definition, cache, this.#core.webhooks);
    catalog.replace(known?.served ?? [], served);
    this.#known.set(name, { cache, spec: definition.spec, served });
  }

  #remove(name: string): void {
    const known = this.#known.get(name);
    if (!known) return;
    this.#known.delete(name);
    this.#core.catalog.replace(known.served, []);
    this.#core.watchCache.remove(known.cache);
  }

  /** Deletes what the definition defined, then lets the definition go. */
  async #finish(name: string, definition: CustomResourceDefinition): Promise<void> {
    if (!definition.metadata.finalizers?.includes(cleanup)) return;
    const known = this.#known.get(name);
    const [served] = known?.served ?? [];
    if (known && served) {
      const cluster = this.#core.loopback;
      for (const { namespace, name: instance } of known.cache.sorted()) {
        await cluster
          .delete(served.resource, { name: instance, ...(namespace && { namespace }) })
          .catch((error: unknown) => {
            if ((error as { reason?: string }).reason !== 'NotFound') throw error;
          });
      }
      if (known.cache.size > 0) {
        this.#loop.addAfter(name, 500);
        return;
      }
    }
    const cache = cacheOf(this.#core.catalog.of(customResourceDefinitions)!);
    const entry = cache.get('', name);
    if (!entry) return;
    const finalizers = entry.object.metadata.finalizers?.filter((each) => each !== cleanup);
    if (finalizers?.length) {
      const object = entry.object as Draft<CustomResourceDefinition>;
      const metadata = { ...object.metadata, finalizers };
      await this.#core.objects.update(cache, entry, { ...object, metadata });
    } else await this.#core.objects.delete(cache, entry);
  }
}

export { cleanup as cleanupFinalizer };
