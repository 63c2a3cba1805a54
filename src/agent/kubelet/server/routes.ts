import {
  redirect,
  text,
  type Handler,
  type KubeletAnswer,
  type KubeletRequest,
} from './exchange.ts';

/** What is served at a path: `/exec/:namespace/:pod/:container`, `/logs/*`. */
export interface Route {
  readonly path: string;
  /** GET, and so HEAD, unless stated. */
  readonly methods?: readonly string[];
  readonly handler: Handler;
}

/** Paths that upstream serves by a router of its own words for what it does not find. */
const routed = [
  '/pods',
  '/runningpods',
  '/stats',
  '/logs',
  '/run',
  '/exec',
  '/attach',
  '/portForward',
  '/containerLogs',
  '/checkpoint',
  '/debug/pprof',
];
/** Those that lead to themselves with a slash at the end. */
const redirected = ['/stats', '/logs'];

const read = ['GET'];

/** Finds who answers a request. */
export class Routes {
  readonly #routes: readonly (Route & { readonly parts: readonly string[] })[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ ...route, parts: partsOf(route.path) }));
  }

  async serve(request: Omit<KubeletRequest, 'parts'>): Promise<KubeletAnswer | undefined> {
    const { path } = request;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const given = partsOf(path);
    let isElsewhere = false;
    for (const { parts, methods = read, handler } of this.#routes) {
      const found = match(parts, given);
      if (!found) continue;
      if (methods.includes(method)) return handler({ ...request, parts: found });
      isElsewhere = true;
    }
    if (isElsewhere) return text(405, '405: Method Not Allowed');
    if (redirected.includes(path)) return redirect(`${path}/`);
    const isRouted = routed.some((each) => path === each || path.startsWith(`${each}/`));
    return isRouted ? text(404, '404: Page Not Found') : text(404, '404 page not found\n');
  }
}

function partsOf(path: string): readonly string[] {
  return path.split('/').slice(1);
}

/** The values of the variables, `*` taking all that is left. */
function match(pattern: readonly string[], given: readonly string[]): string[] | undefined {
  const found: string[] = [];
  for (const [index, part] of pattern.entries()) {
    if (part === '*')
      return given.length > index ? [...found, given.slice(index).join('/')] : undefined;
    const value = given[index];
    if (value === undefined) return undefined;
    if (part.startsWith(':')) {
      if (value === '') return undefined;
      found.push(decodeURIComponent(value));
    } else if (part !== value) return undefined;
  }
  const isWhole = given.length === pattern.length;
  const hasSlash = given.length === pattern.length + 1 && given.at(-1) === '';
  return isWhole || hasSlash ? found : undefined;
}
