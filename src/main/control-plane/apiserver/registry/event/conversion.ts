import type { Conversion } from '#main/control-plane/apiserver/registry/conversion.ts';
import type { Event as StoredEvent } from '#shared/api/types/core-v1.ts';
import type { Event as ServedEvent } from '#shared/api/types/events-v1.ts';
import type { Draft, KubeObject } from '#shared/kube/object.ts';

/** events.k8s.io and core show the same stored events under other member names. */
export const eventConversion: Conversion = {
  toServed(object) {
    const { involvedObject, message, source, firstTimestamp, lastTimestamp, count, ...rest } =
      object as StoredEvent;
    const { reportingComponent, reason, type, action, related, series, eventTime, ...identity } =
      rest;
    const served = {
      ...identity,
      kind: 'Event',
      apiVersion: 'events.k8s.io/v1',
      eventTime: eventTime ?? null,
      series,
      reportingController: reportingComponent || undefined,
      reportingInstance: rest.reportingInstance || undefined,
      action,
      reason,
      regarding: involvedObject,
      related,
      note: message,
      type,
      deprecatedSource: source,
      deprecatedFirstTimestamp: firstTimestamp ?? null,
      deprecatedLastTimestamp: lastTimestamp ?? null,
      deprecatedCount: count,
    };
    return { ...served, metadata: { ...object.metadata } };
  },
  toStored(draft) {
    const { regarding, note, deprecatedSource, reportingController, ...rest } =
      draft as unknown as ServedEvent;
    const { deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, ...shared } = rest;
    return {
      ...shared,
      kind: 'Event',
      apiVersion: 'v1',
      involvedObject: regarding ?? {},
      reason: rest.reason,
      message: note,
      source: deprecatedSource ?? {},
      firstTimestamp: deprecatedFirstTimestamp ?? null,
      lastTimestamp: deprecatedLastTimestamp ?? null,
      count: deprecatedCount,
      reportingComponent: reportingController ?? '',
      reportingInstance: rest.reportingInstance ?? '',
    } as unknown as Draft<KubeObject>;
  },
};
