import { resourceAt } from './in-process.ts';
import { bases, type Answer, type Cause, type Json } from './facts.ts';
import type { ProbeRequest } from './player.ts';
import type { Http, HttpAnswer } from './served.ts';

/** The namespaces in which everything was observed, each with its service account. */
export const observedNamespaces = ['facts', 'facts-lr', 'facts-lr2', 'facts-rq'];

export async function makeNamespaces(http: Http): Promise<void> {
  for (const name of observedNamespaces) {
    await made(http, '/api/v1/namespaces', { metadata: { name } });
  }
  for (const namespace of [...observedNamespaces, 'kube-system', 'default']) {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await made(http, path, { metadata: { name: 'default' } });
  }
}

/** Creates what must be there for the rest to mean anything. */
export async function made(http: Http, path: string, body: unknown): Promise<Json> {
  const answer = await http({ method: 'POST', path, body });
  if (answer.status >= 300) {
    throw new Error(`Cannot create ${path}: ${JSON.stringify(answer.body).slice(0, 400)}`);
  }
  return answer.body;
}

/** Where objects of a kind, such as `apps/v1/deployments`, are. */
export function collectionPath(kind: string, namespace = 'facts'): string {
  const at = kind.lastIndexOf('/');
  const groupVersion = kind.slice(0, at);
  const root = groupVersion.includes('/') ? '/apis' : '/api';
  const within = resourceAt(kind).scope === 'Namespaced' ? `/namespaces/${namespace}` : '';
  return `${root}/${groupVersion}${within}${kind.slice(at)}`;
}

function baseCollection(base: string): string {
  const { namespace } = (bases[base]?.['metadata'] ?? {}) as { namespace?: string };
  return collectionPath(base.split('#')[0]!, namespace);
}

export interface Stored {
  readonly path: string;
  /** Of the volume with the token, where there is one. */
  readonly random: string;
}

/** The base as it stands in the facts, put into the store. */
export async function storeBase(http: Http, base: string): Promise<Stored> {
  const collection = baseCollection(base);
  const object = await made(http, collection, bases[base]);
  const path = `${collection}/${(object['metadata'] as Json)['name'] as string}`;
  await settled(http, path);
  const [, random = ''] = /kube-api-access-(\w+)/.exec(JSON.stringify(object)) ?? [];
  return { path, random };
}

/** Sends a probe as a dry run, to the stored base if it changes one. */
export function sendOver(http: Http, stored: ReadonlyMap<string, Stored>) {
  return async ({ method, base, body }: ProbeRequest): Promise<Answer> => {
    if (method === 'POST') {
      return answerOf(await http({ method, path: `${baseCollection(base)}?dryRun=All`, body }));
    }
    const { path, random } = stored.get(base)!;
    return answerOf(
      await http({
        method,
        path: `${path}?dryRun=All`,
        headers: { 'content-type': 'application/json-patch+json' },
        body: JSON.stringify(body).replaceAll('<rand>', random),
      }),
    );
  };
}

export function answerOf({ status, body }: HttpAnswer): Answer {
  if (status < 300) return { status };
  const { reason, details } = body as {
    reason?: string;
    details?: { causes?: readonly { reason?: string; field?: string }[] };
  };
  return {
    status,
    ...(reason && { reason }),
    causes: (details?.causes ?? []).map(({ reason: why = '', field = '' }): Cause => [why, field]),
  };
}

/** Deletes at once whatever holds the object. */
export async function removed(http: Http, path: string): Promise<void> {
  await http({
    method: 'PATCH',
    path,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { metadata: { finalizers: null } },
  });
  await http({ method: 'DELETE', path, body: { gracePeriodSeconds: 0 } });
  await http({
    method: 'PATCH',
    path,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { metadata: { finalizers: null } },
  });
}

const attempts = 100;

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A definition is served, and refuses more, once its names are accepted. */
async function settled(http: Http, path: string): Promise<void> {
  if (!path.includes('/customresourcedefinitions/')) return;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const { body } = await http({ method: 'GET', path });
    const { conditions } = body['status'] as { conditions: readonly Condition[] | null };
    if (conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) return;
  }
  throw new Error(`${path} was not established`);
}
