import { expect, test } from 'vitest';
import { defaulted } from './defaults.ts';
import { readFacts, type Json } from './facts.ts';
import { collectionPath, made, makeNamespaces, removed } from './observed-state.ts';
import { serve, type Http } from './served.ts';

interface Lifecycle {
  readonly deleteReturns: 'object' | 'status';
  readonly statusDetails?: string;
  readonly foreground: readonly string[] | number;
  readonly orphan: readonly string[] | number;
  readonly background: readonly string[] | number;
  readonly deleteAgain?: number;
}

const policies = ['Foreground', 'Orphan', 'Background'] as const;
const { lifecycle } = readFacts('defaults.json.gz') as {
  readonly lifecycle: Readonly<Record<string, Lifecycle>>;
};

/** Finalizers that a deletion leaves, or how the object answers then. */
async function leftAfter(http: Http, path: string, policy: string): Promise<unknown> {
  await http({
    method: 'DELETE',
    path,
    body: { propagationPolicy: policy, gracePeriodSeconds: 0 },
  });
  const { status, body } = await http({ method: 'GET', path });
  return status === 200 ? ((body['metadata'] as Json)['finalizers'] ?? []) : status;
}

test('objects end as observed', async () => {
  await using served = await serve();
  const { http } = served;
  await makeNamespaces(http);
  for (const [kind, { deleteReturns, statusDetails, ...observed }] of Object.entries(lifecycle)) {
    const body = defaulted.find((facts) => facts.kind === kind)?.in;
    // A namespace waits for a controller that empties it.
    if (!body || kind === 'v1/namespaces') continue;
    const { namespace } = body['metadata'] as { namespace?: string };
    const collection = collectionPath(kind, namespace);
    const create = async (): Promise<string> => {
      const { metadata } = await made(http, collection, body);
      return `${collection}/${(metadata as Json)['name'] as string}`;
    };
    const path = await create();
    const gone = (await http({ method: 'DELETE', path })).body;
    const isStatus = gone['kind'] === 'Status';
    const details = isStatus
      ? Object.keys(gone['details'] as Json)
          .sort()
          .join()
      : undefined;
    const again = (await http({ method: 'DELETE', path })).status;
    const left: unknown[] = [];
    for (const policy of policies) {
      await removed(http, path);
      await create();
      left.push(await leftAfter(http, path, policy));
    }
    await removed(http, path);
    const own = [isStatus ? 'status' : 'object', details, again, ...left];
    const { foreground, orphan, background, deleteAgain = again } = observed;
    const wanted = [deleteReturns, statusDetails, deleteAgain, foreground, orphan, background];
    expect.soft({ [kind]: own }).toEqual({ [kind]: wanted });
  }
}, 60_000);
