import type { KindRest } from '#main/control-plane/apiserver/registry/kind-rest.ts';
import { selectionOf } from '#main/control-plane/apiserver/registry/read.ts';
import type { ServedResource } from '#main/control-plane/apiserver/catalog.ts';
import { encodeObject, Entry } from '#main/control-plane/apiserver/storage/entry.ts';
import { parseListOptions } from '#main/control-plane/apiserver/storage/list-options.ts';
import { isSelected } from '#main/control-plane/apiserver/storage/watcher-index.ts';
import type { ComponentStatus } from '#shared/api/types/core-v1.ts';
import { notFound } from '#shared/kube/errors.ts';
import type { Draft } from '#shared/kube/object.ts';

/** A part of the control plane that can be asked how it is; throws when it is not well. */
export interface Component {
  readonly name: string;
  check(): Promise<string>;
}

/** Asked anew by every request, as upstream's probes. */
export const componentStatusRest: KindRest = {
  handlers: {
    async get({ served, name }, core) {
      const component = core.components.find((each) => each.name === name);
      if (!component) throw notFound(served.resource, name);
      return { type: 'entry', code: 200, entry: await statusOf(component, served) };
    },
    async list(request, core) {
      const selection = selectionOf(request, parseListOptions(request.query, false));
      const all = await Promise.all(core.components.map((each) => statusOf(each, request.served)));
      const entries = all.filter((entry) => isSelected(entry, selection));
      return { type: 'list', page: { entries, revision: 0 } };
    },
  },
};

async function statusOf(component: Component, { form }: ServedResource): Promise<Entry> {
  const object = {
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name: component.name, creationTimestamp: null },
    conditions: [await conditionOf(component)],
  } as unknown as Draft<ComponentStatus>;
  return new Entry(form, encodeObject(form, object), 0);
}

async function conditionOf(
  component: Component,
): Promise<NonNullable<Draft<ComponentStatus>['conditions']>[number]> {
  try {
    return { type: 'Healthy', status: 'True', message: await component.check() };
  } catch (error) {
    return { type: 'Healthy', status: 'False', message: (error as Error).message };
  }
}
