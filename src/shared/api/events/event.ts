import type { Event } from '#shared/api/types/events-v1.ts';
import {
  eventColumns,
  validateEvent,
  validateEventChange,
  validateNewEvent,
  type AnyEvent,
} from '#shared/api/core/event-rules.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '#shared/kube/object-meta.ts';
import { resource } from '#shared/kube/resource.ts';

export const events = resource<Event>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  scope: 'Namespaced',
  shortNames: ['ev'],
  type: 'events.v1.Event',
  storage: { prefix: '/registry/events', groupVersion: 'v1' },
  metadata: { onCreate: 'unchecked', onUpdate: [] },
  *validate(event) {
    const internal = internalOf(event);
    yield* validateEvent(internal, event.metadata.namespace ?? '', 'reportingController');
    yield* validateObjectMeta(event.metadata, { isNamespaced: true });
    yield* validateNewEvent(internal);
  },
  *validateUpdate(event, old) {
    const internal = internalOf(event);
    yield* validateEvent(internal, event.metadata.namespace ?? '', 'reportingController');
    yield* validateObjectMetaUpdate(event.metadata, old.metadata);
    yield* validateEventChange(internal, internalOf(old));
  },
  fieldSelectors: {
    'regarding.kind': ({ regarding }) => regarding.kind ?? '',
    'regarding.namespace': ({ regarding }) => regarding.namespace ?? '',
    'regarding.name': ({ regarding }) => regarding.name ?? '',
    'regarding.uid': ({ regarding }) => regarding.uid ?? '',
    'regarding.apiVersion': ({ regarding }) => regarding.apiVersion ?? '',
    'regarding.resourceVersion': ({ regarding }) => regarding.resourceVersion ?? '',
    'regarding.fieldPath': ({ regarding }) => regarding.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
  columns: eventColumns(internalOf),
});

function internalOf(event: Event): AnyEvent {
  return {
    ...event,
    involvedObject: event.regarding,
    message: event.note,
    source: event.deprecatedSource,
    count: event.deprecatedCount,
    firstTimestamp: event.deprecatedFirstTimestamp,
    lastTimestamp: event.deprecatedLastTimestamp,
  };
}
