import {
  addDiscovery,
  type DisposableDiscovery,
} from '#main/control-plane/apiserver/http/discovery-paths.ts';
import { addHealth, type HealthCheck } from '#main/control-plane/apiserver/http/health.ts';
import type { ServedVersion } from '#main/control-plane/apiserver/discovery/served-groups.ts';
import type { Metrics } from '#main/control-plane/apiserver/http/metrics.ts';
import { jsonAnswer, type PathRoutes } from '#main/control-plane/apiserver/http/paths.ts';
import { headerOf } from '#main/control-plane/apiserver/http/exchange.ts';
import type { Core } from '#main/control-plane/apiserver/registry/core.ts';
import { ApiError } from '#shared/kube/errors.ts';

/** What `/version` answers. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

export interface ServerPathsOptions {
  readonly core: Core;
  readonly metrics: Metrics;
  readonly version: VersionInfo;
  /** `host:port` as clients reach the server. */
  serverAddress(): string;
  /** What other API servers serve through this one. */
  foreign(): readonly ServedVersion[];
}

/** Health, version, metrics, discovery and the list of all paths. */
export function addServerPaths(
  routes: PathRoutes,
  options: ServerPathsOptions,
): DisposableDiscovery {
  const { core, metrics, version } = options;
  const discovery = addDiscovery(routes, {
    catalog: core.catalog,
    serverAddress: options.serverAddress,
    foreign: options.foreign,
  });
  routes.add('/version', () => jsonAnswer(version));
  routes.add('/metrics', () => ({
    contentType: 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    body: metrics.format(),
  }));
  addIssuer(routes, core);
  const ping: HealthCheck = { name: 'ping', check() {} };
  const etcd: HealthCheck = { name: 'etcd', check: () => core.watchCache.checkStore() };
  const synced: HealthCheck = {
    name: 'informer-sync',
    check: () => core.watchCache.checkFollowing(),
  };
  addHealth(routes, {
    healthz: [ping, etcd],
    livez: [ping, etcd],
    readyz: [ping, etcd, synced],
  });
  routes.add('/', () => jsonAnswer({ paths: allPaths(core, routes) }));
  return discovery;
}

/** How the world verifies service-account tokens. */
function addIssuer(routes: PathRoutes, { security }: Core): void {
  const { tokens } = security;
  if (!tokens) return;
  const { issuer } = tokens;
  const headers = { 'cache-control': 'public, max-age=3600' };
  const jwksUri = new URL('/openid/v1/jwks', issuer.issuer).href;
  routes.add('/.well-known/openid-configuration', () => ({
    ...jsonAnswer(issuer.openIdConfiguration(jwksUri)),
    headers,
  }));
  routes.add('/openid/v1/jwks', ({ headers: sent }) => {
    const accept = headerOf(sent, 'accept');
    if (accept && !/\*\/\*|application\/(\*|jwk-set\+json)/.test(accept)) {
      throw new ApiError(
        'NotAcceptable',
        'only the following media types are accepted: application/jwk-set+json',
        { details: {} },
      );
    }
    return { ...jsonAnswer(issuer.jwks()), contentType: 'application/jwk-set+json', headers };
  });
}

function allPaths({ catalog }: Core, routes: PathRoutes): string[] {
  const paths = new Set(routes.paths().filter((path) => path !== '/'));
  for (const { resource } of catalog.values()) {
    const { group, version } = resource;
    if (group) paths.add(`/apis/${group}`);
    paths.add(group ? `/apis/${group}/${version}` : `/api/${version}`);
  }
  return [...paths].sort();
}
