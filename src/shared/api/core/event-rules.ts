import type { EventSource, ObjectReference } from '#shared/api/types/core-v1.ts';
import { since } from '#shared/api/columns.ts';
import { invalidEach, unchanged } from '#shared/kube/checks.ts';
import { semanticEqual } from '#shared/kube/equality.ts';
import type { FieldError } from '#shared/kube/errors.ts';
import { invalidValue, required } from '#shared/kube/field-error.ts';
import { byteLength, dns1123Subdomain, qualifiedName } from '#shared/kube/names.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Column } from '#shared/kube/resource.ts';

/** An event as upstream sees it in both of its groups; causes have these names too. */
export interface AnyEvent {
  readonly involvedObject: ObjectReference;
  readonly source: EventSource;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly action?: string | undefined;
  readonly type?: string | undefined;
  readonly count?: number | undefined;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | undefined;
  readonly related?: ObjectReference | undefined;
  readonly firstTimestamp?: string | undefined;
  readonly lastTimestamp?: string | undefined;
  readonly eventTime?: string | undefined;
  readonly reportingController?: string | undefined;
  readonly reportingInstance?: string | undefined;
}

const limits = { reportingInstance: 128, action: 128, reason: 128, message: 1024 };
const mismatch = 'does not match event.namespace';

/** What holds in both groups; the controller's field has another name in the core one. */
export function* validateEvent(
  event: AnyEvent,
  namespace: string,
  controllerField: string,
): Iterable<FieldError> {
  const { namespace: involved = '' } = event.involvedObject;
  const field = 'involvedObject.namespace';
  if (!event.eventTime) {
    const expected = involved || (namespace === 'default' ? namespace : '');
    if (namespace && namespace !== expected) yield invalidValue(field, involved, mismatch);
  } else {
    if (!involved && namespace !== 'default' && namespace !== 'kube-system') {
      yield invalidValue(field, involved, mismatch);
    }
    yield* validateReport(event, controllerField);
  }
  yield* invalidEach('namespace', namespace, dns1123Subdomain(namespace));
}

function* validateReport(event: AnyEvent, controllerField: string): Iterable<FieldError> {
  const { reportingController: controller = '' } = event;
  if (!controller) yield required(controllerField);
  yield* invalidEach(controllerField, controller, qualifiedName(controller));
  for (const member of ['reportingInstance', 'action', 'reason', 'message'] as const) {
    const text = event[member] ?? '';
    if (!text && member !== 'message') yield required(member);
    if (byteLength(text) > limits[member]) {
      yield invalidValue(member, '', `can have at most ${limits[member]} characters`);
    }
  }
}

export function* validateSeries({ series }: AnyEvent): Iterable<FieldError> {
  if (!series) return;
  if ((series.count ?? 0) < 2) yield invalidValue('series.count', '', 'should be at least 2');
  if (!series.lastObservedTime) yield required('series.lastObservedTime');
}

/** What only events of the newer group obey. */
export function* validateNewEvent(event: AnyEvent): Iterable<FieldError> {
  yield* validateSeries(event);
  if (!event.eventTime) yield required('eventTime');
  const { type = '', source } = event;
  if (type !== 'Normal' && type !== 'Warning') {
    yield invalidValue('type', '', `has invalid value: ${type}`);
  }
  for (const member of ['firstTimestamp', 'lastTimestamp', 'count'] as const) {
    if (event[member]) yield invalidValue(member, '', 'needs to be unset');
  }
  if (source.component || source.host) yield invalidValue('source', '', 'needs to be unset');
}

const fixed = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingController',
  'reportingInstance',
] as const;

export function* validateEventChange(event: AnyEvent, old: AnyEvent): Iterable<FieldError> {
  if (!semanticEqual(event.series, old.series)) yield* validateSeries(event);
  for (const member of fixed) {
    yield* unchanged(event[member] ?? '', old[member] ?? '', member);
  }
}

export function eventColumns<T extends KubeObject>(
  read: (event: T) => AnyEvent,
): readonly Column<T>[] {
  return [
    { name: 'Last Seen', value: (event, now) => lastSeen(read(event), now) },
    { name: 'Type', value: (event) => read(event).type ?? '' },
    { name: 'Reason', value: (event) => read(event).reason ?? '' },
    { name: 'Object', value: (event) => formatTarget(read(event)) },
    {
      name: 'Subobject',
      priority: 1,
      value: (event) => read(event).involvedObject.fieldPath ?? '',
    },
    { name: 'Source', priority: 1, value: (event) => formatSource(read(event)) },
    { name: 'Message', value: (event) => (read(event).message ?? '').trim() },
    { name: 'First Seen', priority: 1, value: (event, now) => firstSeen(read(event), now) },
    {
      name: 'Count',
      priority: 1,
      value: (event) => read(event).series?.count ?? (read(event).count || 1),
    },
    { name: 'Name', format: 'name', priority: 1, value: ({ metadata }) => metadata.name },
  ];
}

function firstSeen({ firstTimestamp, eventTime }: AnyEvent, now: number): string {
  return since(firstTimestamp || eventTime, now);
}

function lastSeen(event: AnyEvent, now: number): string {
  if (event.series) return since(event.series.lastObservedTime, now);
  return event.lastTimestamp ? since(event.lastTimestamp, now) : firstSeen(event, now);
}

function formatTarget({ involvedObject: { kind = '', name } }: AnyEvent): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function formatSource({ source, reportingController, reportingInstance }: AnyEvent): string {
  const component = source.component || (reportingController ?? '');
  const instance = source.host || (reportingInstance ?? '');
  return instance ? `${component}, ${instance}` : component;
}
