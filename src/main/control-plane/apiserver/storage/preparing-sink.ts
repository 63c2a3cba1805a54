import { prepareViews, type ObjectForm } from '#main/control-plane/apiserver/storage/entry.ts';
import type { WatchSink } from '#main/control-plane/apiserver/storage/watch-session.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** Hands everything on in its order, objects once they are known in the form. */
export function preparingSink(form: ObjectForm, sink: WatchSink): WatchSink {
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
        await prepareViews(
          form,
          deliveries.map(({ entry }) => entry),
        );
        if (!isOver) sink.send(deliveries);
      }),
    bookmark: (revision, options) => inOrder(() => sink.bookmark(revision, options)),
    end: (error) => inOrder(() => end(error)),
  };
}
