import type { Writable } from 'node:stream';

/** Waits until the other side took what was written, if that is much; or until it went away. */
export function roomIn(target: Writable): Promise<void> | undefined {
  if (!target.writableNeedDrain || target.destroyed) return undefined;
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = (): void => {
    target.off('drain', settle);
    target.off('close', settle);
    resolve();
  };
  target.on('drain', settle);
  target.on('close', settle);
  return promise;
}
