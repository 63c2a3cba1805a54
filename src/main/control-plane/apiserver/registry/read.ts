import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { cacheOf } from '#main/control-plane/apiserver/registry/storage-of.ts';
import {
  fieldRequirementsOf,
  labelSelectorOf,
} from '#main/control-plane/apiserver/request/selectors.ts';
import type {
  ResourceRequest,
  ResourceResponse,
} from '#main/control-plane/apiserver/request/resource-request.ts';
import {
  parseListOptions,
  parseRevision,
  type ListOptions,
} from '#main/control-plane/apiserver/storage/list-options.ts';
import { compileSelection } from '#main/control-plane/apiserver/storage/selection.ts';
import {
  WatchSession,
  type WatchSink,
} from '#main/control-plane/apiserver/storage/watch-session.ts';
import type { Selection } from '#main/control-plane/apiserver/storage/watcher-index.ts';
import { preparingSink } from '#main/control-plane/apiserver/storage/preparing-sink.ts';
import {
  prepareViews,
  type Entry,
  type ObjectForm,
} from '#main/control-plane/apiserver/storage/entry.ts';
import { notFound } from '#shared/kube/errors.ts';
import type { KubeObject } from '#shared/kube/object.ts';

export async function get(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const { served, namespace, name, query } = request;
  const cache = cacheOf(served);
  parseRevision(query['resourceVersion'] ?? '');
  let entry = cache.get(namespace, name);
  const behind = entry ? undefined : core.watchCache.behind();
  if (behind) {
    await behind;
    entry = cache.get(namespace, name);
  }
  if (!entry) throw notFound(served.resource, name);
  await prepareViews(served.form, [entry]);
  return { type: 'entry', code: 200, entry: entry.as(served.form) };
}

export async function list(request: ResourceRequest, core: Core): Promise<ResourceResponse> {
  const options = parseListOptions(request.query, false);
  const selection = selectionOf(request, options);
  const { served, namespace } = request;
  const cache = cacheOf(served);
  if (options.fieldSelector) await prepareViews(served.form, cache.values(namespace));
  const page = await core.lister.list(cache, selection, options);
  return { type: 'list', page };
}

/** Begins a watch; refusals are thrown, what is refused later goes to the sink. */
export function watch(request: ResourceRequest, core: Core, sink: WatchSink): WatchSession {
  const options = parseListOptions(request.query, true);
  parseRevision(options.resourceVersion);
  const selection = selectionOf(request, options);
  const { watchCache, clock } = core;
  const { form } = request.served;
  const parts = {
    cache: cacheOf(request.served),
    watchCache,
    options,
    clock,
    ...(form.convertLater
      ? {
          selection: selectionOf(request, { ...options, fieldSelector: '' }),
          sink: preparingSink(form, selection, sink),
        }
      : { selection, sink }),
  };
  const session = new WatchSession(parts);
  session.start(parts);
  return session;
}

export function selectionOf(request: ResourceRequest, options: ListOptions): Selection {
  const { served, namespace, name } = request;
  const { form, cache } = served;
  return compileSelection({
    resource: served.resource,
    namespace,
    name,
    labels: labelSelectorOf(options.labelSelector),
    fields: fieldRequirementsOf(options.fieldSelector),
    ...(cache && form !== cache.form && { view: (entry) => viewOf(entry, form) }),
  });
}

/** What has not been converted yet is looked at as it is stored. */
function viewOf(entry: Entry, form: ObjectForm): KubeObject {
  return entry.hasView(form) ? entry.as(form).object : entry.object;
}
