import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { exponential, KeyedLoop } from '#shared/base/keyed-loop.ts';
import { ApiError } from '#shared/kube/errors.ts';

const managed = 'kube-aggregator.kubernetes.io/automanaged';

/** Every group and version that a CRD serves has an APIService, for as long as it is served. */
export function registerCustomGroups({
  catalog,
  cache,
  loopback,
  clock,
  log,
}: Core): AsyncDisposable {
  const loop = new KeyedLoop<string>({
    clock,
    concurrency: 1,
    backoffMs: exponential(100, 30_000),
    onError: (name, error) => log.warn('An APIService cannot be kept', { name, error }),
    async run(name) {
      const [version = '', group = ''] = splitName(name);
      const known = cache.get(apiServices, { name });
      const isServed = [...catalog.values()].some(
        ({ isCustom, resource }) =>
          isCustom && resource.group === group && resource.version === version,
      );
      if (isServed && !known) {
        await loopback
          .create(apiServices, {
            metadata: { name, labels: { [managed]: 'true' } },
            spec: { group, version, groupPriorityMinimum: 1000, versionPriority: 100 },
          })
          .catch(unless('AlreadyExists'));
      } else if (!isServed && known?.metadata.labels?.[managed] === 'true') {
        await loopback.delete(apiServices, { name }).catch(unless('NotFound'));
      }
    },
  });
  const seen = new Set<string>();
  const look = (): void => {
    for (const { isCustom, resource } of catalog.values()) {
      if (isCustom) seen.add(`${resource.version}.${resource.group}`);
    }
    for (const name of seen) loop.add(name);
  };
  const subscription = catalog.subscribe(look);
  const stored = cache.subscribe(apiServices, ({ before, after }) => {
    const { name, labels } = (after ?? before)!.metadata;
    if (labels?.[managed] === 'true') seen.add(name);
    if (seen.has(name)) loop.add(name);
  });
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      stored[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

function splitName(name: string): readonly string[] {
  const dot = name.indexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}

function unless(reason: 'AlreadyExists' | 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!ApiError.is(error, reason)) throw error;
  };
}
