import type { Event } from '#shared/api/types/core-v1.ts';
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
});
