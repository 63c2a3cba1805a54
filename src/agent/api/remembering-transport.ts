import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { RememberedList } from '#agent/api/remembered-list.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { ApiRequest, Transport } from '#shared/client/transport.ts';
import { ApiError } from '#shared/kube/errors.ts';
import type { KubeList } from '#shared/kube/object.ts';

export interface RememberingOptions {
  readonly transport: Transport;
  /** Private: secrets are among what is remembered. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** By then everything that is still wanted has been asked for. */
const forgetAfterMs = 3_600_000;

/**
 * Keeps what was listed and watched on disk, and answers a list from there while the server is out
 * of reach: pods, services, names and policies go on, and come back after a reboot, without it.
 * Disposing waits until all is written.
 */
export function createRememberingTransport(
  options: RememberingOptions,
): Transport & AsyncDisposable {
  const { transport, folder, clock, log } = options;
  const lists = new Map<string, RememberedList>();

  const listOf = (request: Omit<ApiRequest, 'verb'>): RememberedList => {
    const file = fileOf(request);
    const known = lists.get(file) ?? new RememberedList(join(folder, file));
    lists.set(file, known);
    return known;
  };
  const forgetting = clock.after(forgetAfterMs, () => {
    forget(folder, lists).catch((error: unknown) =>
      log.warn('Cannot remove lists that nobody asks for any more', { folder, error }),
    );
  });
  const note = (list: RememberedList): void => {
    list.settled().catch((error: unknown) =>
      log.error('Cannot remember a list; after a reboot without the API it would be missing', {
        folder,
        error,
      }),
    );
  };
  return {
    async request(request, requestOptions) {
      if (!isWholeList(request)) return await transport.request(request, requestOptions);
      const list = listOf(request);
      try {
        const answer = (await transport.request(request, requestOptions)) as KubeList;
        list.replace(answer);
        note(list);
        return answer;
      } catch (error) {
        if (!ApiError.is(error, 'ServiceUnavailable')) throw error;
        const remembered = await list.read();
        if (!remembered) throw error;
        const { plural } = request.resource;
        log.info('The API is out of reach; going on with what it said last', { list: plural });
        return remembered;
      }
    },
    async *watch(request, requestOptions) {
      const list = listOf(request);
      for await (const batch of transport.watch(request, requestOptions)) {
        list.append(batch);
        note(list);
        yield batch;
      }
    },
    async [Symbol.asyncDispose]() {
      forgetting[Symbol.dispose]();
      await Promise.allSettled([...lists.values()].map((list) => list.settled()));
    },
  };
}

function isWholeList({ verb, query = {} }: ApiRequest): boolean {
  return verb === 'list' && query['limit'] === undefined && query['continue'] === undefined;
}

/** The same for a list and the watch that goes on from it. */
function fileOf({ resource, namespace = '', query = {} }: Omit<ApiRequest, 'verb'>): string {
  const { group, version, plural } = resource;
  const selectors = [query['labelSelector'] ?? '', query['fieldSelector'] ?? ''];
  const digest = createHash('sha256').update(JSON.stringify([namespace, ...selectors]));
  return [group || 'core', version, plural, digest.digest('hex').slice(0, 16)].join('-');
}

async function forget(folder: string, kept: ReadonlyMap<string, unknown>): Promise<void> {
  const files = await readdir(folder);
  const unwanted = files.filter((file) => !kept.has(file.replace(/\.new$/, '')));
  for (const file of unwanted) await rm(join(folder, file), { force: true });
}
