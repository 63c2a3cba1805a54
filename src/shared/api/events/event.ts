import type { Event } from '#shared/api/types/events-v1.ts';
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
});
