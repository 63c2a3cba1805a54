import type { Duplex } from 'node:stream';

/** Joins two streams: what one says the other hears, ends included; one that breaks takes the other along. */
export function splice(left: Duplex, right: Duplex): void {
  const forward = (from: Duplex, to: Duplex): void => {
    from.pipe(to);
    from.once('error', (error) => to.destroy(error));
    from.once('close', () => {
      if (!from.readableEnded) to.destroy();
    });
  };
  forward(left, right);
  forward(right, left);
}
