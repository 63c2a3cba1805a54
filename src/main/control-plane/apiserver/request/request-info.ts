export type ResourceVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'proxy'
  | '';

/** What a URL asks for, as upstream's RequestInfo. */
export type RequestInfo =
  | { readonly isResourceRequest: false; readonly verb: string; readonly path: string }
  | {
      readonly isResourceRequest: true;
      readonly verb: ResourceVerb;
      readonly path: string;
      readonly group: string;
      readonly version: string;
      readonly namespace: string;
      readonly resource: string;
      readonly name: string;
      readonly subresource: string;
      /** What follows the subresource: the path behind a proxy. */
      readonly rest: readonly string[];
      /** `/api/v1/watch/…`, the old way to ask for a watch. */
      readonly isWatchPath: boolean;
    };

export type ResourceRequestInfo = RequestInfo & { readonly isResourceRequest: true };

export type Query = Readonly<Record<string, string>>;

const verbs: Readonly<Record<string, ResourceVerb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const namespaceSubresources = new Set(['status', 'finalize']);

/** Says what is asked for from method, path and query alone, without knowing which kinds there are. */
export function requestInfoOf(method: string, path: string, query: Query): RequestInfo {
  const other: RequestInfo = { isResourceRequest: false, verb: method.toLowerCase(), path };
  const parts = splitPath(path);
  const [prefix] = parts;
  if (prefix !== 'api' && prefix !== 'apis') return other;
  const start = prefix === 'api' ? 1 : 2;
  if (parts.length < start + 2) return other;
  const group = prefix === 'api' ? '' : parts[1]!;
  const version = parts[start]!;
  let at = start + 1;
  const special = parts[at] === 'watch' || parts[at] === 'proxy' ? parts[at] : undefined;
  if (special) at++;
  if (at >= parts.length) return other;
  let namespace = '';
  if (parts[at] === 'namespaces' && parts.length > at + 1) {
    namespace = parts[at + 1]!;
    if (parts.length > at + 2 && !namespaceSubresources.has(parts[at + 2]!)) at += 2;
  }
  const [resource = '', name = '', subresource = '', ...rest] = parts.slice(at);
  const verb = special === 'watch' ? 'watch' : (special ?? verbs[method] ?? '');
  return {
    isResourceRequest: true,
    verb: name ? verb : collectionVerb(verb as ResourceVerb, query),
    path,
    group,
    version,
    namespace,
    resource,
    name,
    subresource,
    rest,
    isWatchPath: special === 'watch',
  } as RequestInfo;
}

function collectionVerb(verb: ResourceVerb, query: Query): ResourceVerb {
  if (verb === 'delete') return 'deletecollection';
  if (verb !== 'get') return verb;
  return isTrue(query['watch']) ? 'watch' : 'list';
}

/** A boolean parameter as upstream reads it: present counts as true unless it says otherwise. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

function splitPath(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.some((part) => part.includes('%')) ? parts.map(decoded) : parts;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // not an encoding: the name is what it says
  }
}
