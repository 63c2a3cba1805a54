import type { Event } from '#shared/api/types/core-v1.ts';
import { eventColumns, validateEvent, type AnyEvent } from '#shared/api/core/event-rules.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { resource } from '#shared/kube/resource.ts';

export const events = resource<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  scope: 'Namespaced',
  shortNames: ['ev'],
  type: 'core.v1.Event',
  storage: { prefix: '/registry/events' },
  metadata: { onCreate: 'unchecked', onUpdate: [] },
  validate: validateCoreEvent,
  validateUpdate: validateCoreEvent,
  fieldSelectors: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source.component || (reportingComponent ?? ''),
    type: ({ type }) => type ?? '',
  },
  columns: eventColumns(internalOf),
});

function internalOf({ reportingComponent, ...event }: Event): AnyEvent {
  return { ...event, reportingController: reportingComponent };
}

function validateCoreEvent(event: Event): Iterable<FieldError> {
  return validateEvent(internalOf(event), event.metadata.namespace ?? '', 'reportingComponent');
}
