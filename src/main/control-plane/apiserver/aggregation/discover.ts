import { json } from 'node:stream/consumers';
import {
  connectToService,
  hostOfService,
  identityHeaders,
  type AggregationLink,
} from '#main/control-plane/apiserver/aggregation/connection.ts';
import { aggregatedContentType } from '#main/control-plane/apiserver/discovery/aggregated.ts';
import type { ForeignResource } from '#main/control-plane/apiserver/discovery/served-groups.ts';
import { callOver } from '#main/control-plane/apiserver/streaming/http-call.ts';
import type { APIService } from '#shared/api/types/apiregistration-v1.ts';
import { sleep, type Clock } from '#shared/base/clock.ts';
import type { APIResourceList } from '#shared/kube/types/meta-v1.ts';

type Json = Readonly<Record<string, unknown>>;

/** Who asks other API servers what they serve. */
const aggregatorUser = { name: 'system:kube-aggregator', groups: ['system:masters'] };
const timeoutMs = 5_000;

export interface Discovered {
  readonly resources: readonly ForeignResource[];
  readonly openApiV2: Json | undefined;
  /** By name, `apis/wardle.example.com/v1alpha1`: the documents of OpenAPI v3. */
  readonly openApiV3: ReadonlyMap<string, Json>;
}

/** Asks another API server about one group and version. Throws where it does not answer rightly. */
export async function discover(
  link: AggregationLink,
  { spec }: APIService,
  clock: Clock,
): Promise<Discovered> {
  const { group = '', version = '' } = spec;
  const path = `/apis/${group}/${version}`;
  const list = (await get(link, spec, { path, clock })) as unknown as APIResourceList;
  const optional = (request: Asked): Promise<Json | undefined> =>
    get(link, spec, request).catch(() => undefined); // what is not offered is not shown
  const accept = `${aggregatedContentType},application/json;q=0.9`;
  const aggregated = await optional({ path: '/apis', accept, clock });
  const openApiV2 = await optional({ path: '/openapi/v2', clock });
  const name = `apis/${group}/${version}`;
  const v3 = await optional({ path: `/openapi/v3/${name}`, clock });
  return {
    resources: fromAggregated(aggregated, group, version) ?? fromList(list, group, version),
    openApiV2,
    openApiV3: new Map(v3 ? [[name, v3]] : []),
  };
}

interface Asked {
  readonly path: string;
  readonly accept?: string;
  readonly clock: Clock;
}

async function get(
  link: AggregationLink,
  spec: APIService['spec'],
  { path, accept = 'application/json', clock }: Asked,
): Promise<Json> {
  const stop = new AbortController();
  const done = new AbortController();
  const late = new Error(
    'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
  );
  sleep(clock, timeoutMs, done.signal).then(
    () => stop.abort(late),
    () => {}, // answered in time
  );
  try {
    const { signal } = stop;
    const connection = await connectToService(link, spec, signal);
    const headers = { host: hostOfService(spec), accept, ...identityHeaders(aggregatorUser) };
    const answer = await callOver(connection, { method: 'GET', path, headers, signal });
    if (!('body' in answer)) throw new Error('unexpected upgrade');
    if (answer.code < 200 || answer.code >= 300) {
      answer.body.resume();
      throw new Error(`bad status from https://${hostOfService(spec)}${path}: ${answer.code}`);
    }
    return (await json(answer.body)) as Json;
  } catch (error) {
    throw stop.signal.aborted ? late : error;
  } finally {
    done.abort();
  }
}

interface AggregatedList {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly resources?: readonly ForeignResource[];
    }[];
  }[];
}

function fromAggregated(
  list: AggregatedList | undefined,
  group: string,
  version: string,
): readonly ForeignResource[] | undefined {
  return list?.items
    ?.find(({ metadata }) => metadata?.name === group)
    ?.versions?.find((each) => each.version === version)?.resources;
}

/** What the older form of discovery tells, in the newer one. */
function fromList(
  { resources }: APIResourceList,
  group: string,
  version: string,
): readonly ForeignResource[] {
  const kindOf = (each: APIResourceList['resources'][number]): ForeignResource['responseKind'] => ({
    group: each.group || group,
    version: each.version || version,
    kind: each.kind,
  });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((each) => ({
      resource: each.name,
      responseKind: kindOf(each),
      scope: each.namespaced ? 'Namespaced' : 'Cluster',
      singularResource: each.singularName,
      verbs: each.verbs,
      ...(each.shortNames && { shortNames: each.shortNames }),
      ...(each.categories && { categories: each.categories }),
      ...subresourcesOf(resources, each.name, kindOf),
    }));
}

function subresourcesOf(
  resources: APIResourceList['resources'],
  parent: string,
  kindOf: (each: APIResourceList['resources'][number]) => ForeignResource['responseKind'],
): Pick<ForeignResource, 'subresources'> {
  const own = resources.filter(({ name }) => name.startsWith(`${parent}/`));
  if (own.length === 0) return {};
  return {
    subresources: own.map((each) => ({
      subresource: each.name.slice(parent.length + 1),
      responseKind: kindOf(each),
      verbs: each.verbs,
    })),
  };
}
