import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { apiServerCertificate, clientCertificates } from '#main/clusters/certificates.ts';
import { openPki, type Pki } from '#main/clusters/pki.ts';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { apiServerUser } from '#main/control-plane/apiserver/authentication/users.ts';
import { startBootstrap } from '#main/control-plane/apiserver/bootstrap/index.ts';
import { createApiServer, type ApiServer } from '#main/control-plane/apiserver/server.ts';
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { createSecurity, type Security } from '#main/control-plane/security.ts';
import { versionInfo } from '#main/control-plane/version.ts';
import { resources } from '#shared/api/index.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { Json } from './facts.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly body: Json;
  readonly warnings: number;
}

interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text goes as it is, everything else as JSON. */
  readonly body?: unknown;
}

export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** What was observed: API server and store over TLS with default admission, and no controllers. */
export interface Served extends AsyncDisposable {
  readonly port: number;
  /** As the administrator, with a client certificate. */
  readonly http: Http;
}

const clock = systemClock;
const serviceRange = '10.96.0.0/16';
const serviceAddress = '10.96.0.1';

export async function serve(): Promise<Served> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-facts-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const pki = await openPki({ folder, clock });
  const serving = await pki.certificate(
    apiServerCertificate({ serviceAddress, clusterDomain: 'cluster.local', hostNames: [] }),
  );
  const store = started.use(await openEmbeddedStore({ clock, log: silentLog }));
  const server = await startServer(pki, store, started);
  const listener = started.use(
    await server.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { key: serving.key, cert: serving.certificate },
    }),
  );
  const bootstrap = await startBootstrap({
    settings: {
      advertiseAddress: '192.0.2.10',
      port: listener.port,
      serviceRange,
      serviceAddress,
      clientAuthority: pki.authority('cluster').certificate,
      requestHeaderAuthority: pki.authority('frontProxy').certificate,
      hostName: 'facts',
    },
    cluster: server.clusterFor(apiServerUser, { manager: 'kube-apiserver' }),
    objects: server.objects,
    clock,
    log: silentLog,
  });
  started.use(bootstrap);
  const admin = await pki.certificate(clientCertificates.admin);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    ca: pki.authority('cluster').certificate,
    cert: admin.certificate,
    key: admin.key,
  });
  started.defer(() => agent.destroy());
  const owned = started.move();
  return {
    port: listener.port,
    http: (wanted) => exchange(agent, listener.port, wanted),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startServer(
  pki: Pki,
  store: Awaited<ReturnType<typeof openEmbeddedStore>>,
  started: AsyncDisposableStack,
): Promise<ApiServer> {
  const serviceAccountKeys = await pki.serviceAccountKey();
  const clientAuthority = pki.authority('cluster').certificate;
  let security: Security | undefined;
  const server = await createApiServer({
    store,
    clock,
    log: silentLog,
    resources,
    version: versionInfo,
    serviceRanges: [serviceRange],
    security({ objects }) {
      security = createSecurity({ objects, clock, clientAuthority, serviceAccountKeys });
      const { authorizer, issuer, issueToken: issue } = security;
      return {
        ...security,
        admission: admissionPlugins({ authorizer }),
        tokens: { issuer, issue },
      };
    },
  });
  if (security) started.use(security);
  return started.use(server);
}

async function exchange(
  agent: Agent,
  port: number,
  { method, path, headers, body }: HttpRequest,
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const text = typeof body === 'string' ? body : (JSON.stringify(body) ?? '');
  const outgoing = request(
    {
      agent,
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        'content-length': Buffer.byteLength(text),
        ...headers,
      },
    },
    resolve,
  );
  outgoing.once('error', reject);
  outgoing.end(text);
  const response = await promise;
  const status = response.statusCode ?? 0;
  const warnings = response.headersDistinct['warning']?.length ?? 0;
  if (status < 300 && path.includes('watch=')) {
    response.destroy(); // would go on until somebody ends it
    return { status, body: {}, warnings };
  }
  const answer = await textOf(response);
  const isJson = response.headers['content-type']?.includes('json');
  return { status, body: isJson ? (JSON.parse(answer) as Json) : { text: answer }, warnings };
}
