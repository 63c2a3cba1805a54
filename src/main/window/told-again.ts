import { Channel } from '#shared/base/channel.ts';

/** Something that can be listed, and tells when the list has changed. */
export interface ChangingList<T> {
  list(): readonly T[];
  subscribe(listener: () => void): Disposable;
}

/** The list as it is, and again whenever it has changed. */
export async function* toldAgain<T>(
  source: ChangingList<T>,
  signal: AbortSignal,
): AsyncGenerator<readonly T[], void> {
  const changes = new Channel<null>();
  using _listening = source.subscribe(() => changes.push(null));
  signal.addEventListener('abort', () => changes.end(), { once: true });
  yield source.list();
  for await (const _change of changes) yield source.list();
}
