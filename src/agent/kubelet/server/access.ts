import type { Caller } from './caller.ts';
import { TimedCache } from './timed-cache.ts';
import { subjectAccessReviews } from '#agent/api/resources.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Cluster } from '#shared/client/cluster.ts';

export interface AccessOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly nodeName: string;
}

/** Upstream's `authorization.webhook.cacheAuthorizedTTL` and `cacheUnauthorizedTTL`. */
const allowedLifeMs = 300_000;
const refusedLifeMs = 30_000;

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Whoever may do one of these may have the path; the last one is the coarse one of old. */
const fineGrained: Readonly<Record<string, readonly string[]>> = {
  '/pods': ['pods', 'proxy'],
  '/runningpods': ['pods', 'proxy'],
  '/healthz': ['healthz', 'proxy'],
  '/configz': ['configz', 'proxy'],
  '/stats': ['stats'],
  '/metrics': ['metrics'],
  '/logs': ['log'],
  '/checkpoint': ['checkpoint'],
  '/statusz': ['statusz', 'proxy'],
  '/flagz': ['flagz', 'proxy'],
};

/** Subresources of the node that the path belongs to, as upstream's fine-grained authorization. */
export function subresourcesOf(path: string): readonly string[] {
  const root = Object.keys(fineGrained).find(
    (each) => path === each || path.startsWith(`${each}/`),
  );
  return root === undefined ? ['proxy'] : fineGrained[root]!;
}

/** Asks the API server whether callers may do what they ask for, and remembers what it said. */
export class Access {
  readonly #options: AccessOptions;
  readonly #decisions: TimedCache<boolean>;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#decisions = new TimedCache(options.clock);
  }

  /** Absent: it may. Else why not, in upstream's words. */
  async refusal(caller: Caller, method: string, path: string): Promise<string | undefined> {
    const verb = verbs[method] ?? '';
    const subresources = subresourcesOf(path);
    for (const subresource of subresources) {
      if (await this.#may(caller, verb, subresource)) return undefined;
    }
    return `Forbidden (user=${caller.name}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])\n`;
  }

  #may(caller: Caller, verb: string, subresource: string): Promise<boolean> {
    const { cluster, nodeName } = this.#options;
    const key = JSON.stringify([caller, verb, subresource]);
    const ask = async (): Promise<boolean> => {
      const { name, groups, uid, extra } = caller;
      const { status } = await cluster.create(subjectAccessReviews, {
        metadata: {},
        spec: {
          user: name,
          groups,
          ...(uid && { uid }),
          ...(extra && { extra }),
          resourceAttributes: {
            verb,
            version: 'v1',
            resource: 'nodes',
            subresource,
            name: nodeName,
          },
        },
      });
      return status?.allowed ?? false;
    };
    const life = (isAllowed: boolean): number => (isAllowed ? allowedLifeMs : refusedLifeMs);
    return this.#decisions.get(key, ask, life);
  }
}
