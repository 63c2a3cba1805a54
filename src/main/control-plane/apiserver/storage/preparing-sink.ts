import type { Delivery } from '#main/control-plane/apiserver/storage/event-log.ts';
import {
  type Entry,
  prepareViews,
  type ObjectForm,
} from '#main/control-plane/apiserver/storage/entry.ts';
import type { WatchSink } from '#main/control-plane/apiserver/storage/watch-session.ts';
import {
  deliveryOf,
  isSelected,
  type Selection,
} from '#main/control-plane/apiserver/storage/watcher-index.ts';
import { ApiError } from '#shared/kube/errors.ts';

/**
 * Hands everything on in its order, objects once they are known in the form. Only then can be said
 * what is selected by fields that the stored version does not have.
 */
export function preparingSink(form: ObjectForm, selection: Selection, sink: WatchSink): WatchSink {
  let last: Promise<void> = Promise.resolve();
  let isOver = false;
  const end = (error?: ApiError): void => {
    if (isOver) return;
    isOver = true;
    sink.end(error);
  };
  const inOrder = (run: () => Promise<void> | void): void => {
    last = last
      .then(() => (isOver ? undefined : run()))
      .catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        end(ApiError.is(error) ? error : new ApiError('InternalError', message, { cause: error }));
      });
  };
  return {
    send: (deliveries) =>
      inOrder(async () => {
        await prepareViews(form, deliveries.flatMap(shown));
        const selected = deliveries.flatMap((delivery) => selectedOf(delivery, selection) ?? []);
        if (!isOver && selected.length > 0) sink.send(selected);
      }),
    bookmark: (revision, options) => inOrder(() => sink.bookmark(revision, options)),
    end: (error) => inOrder(() => end(error)),
  };
}

/** Whatever may be looked at to decide, and to tell. */
function shown({ entry, event }: Delivery): readonly Entry[] {
  const { previous, last } = event ?? {};
  return [entry, ...(previous ? [previous] : []), ...(last ? [last] : [])];
}

function selectedOf(delivery: Delivery, selection: Selection): Delivery | undefined {
  if (delivery.event) return deliveryOf(delivery.event, selection);
  return isSelected(delivery.entry, selection) ? delivery : undefined;
}
