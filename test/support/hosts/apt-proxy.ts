import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { createServer, get as getHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { get as getHttps } from 'node:https';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cache } from './place.ts';
import { mustExecute } from './shell.ts';

export interface PackageSource {
  /** With a trailing slash. */
  readonly uri: string;
  readonly suite: string;
}

/** Where this machine takes Debian's packages from: hosts take them from there, too. */
export async function packageSources(): Promise<readonly PackageSource[]> {
  const release = await mustExecute('sh', ['-c', '. /etc/os-release; echo $VERSION_CODENAME']);
  const codename = release.trim();
  const format = '$(REPO_URI) $(RELEASE)';
  const targets = ['indextargets', '--format', format, 'Created-By: Packages'];
  const lines = new Set((await mustExecute('apt-get', targets)).split('\n'));
  return [...lines]
    .map((line) => line.split(' '))
    .filter(([, suite = '']) => suite === codename || suite.startsWith(`${codename}-`))
    .map(([uri = '', suite = '']) => ({ uri, suite }));
}

/** Hosts speak HTTP to the proxy whatever the source speaks. */
export function asHosts({ uri }: PackageSource): string {
  return uri.replace(/^https:/, 'http:');
}

/** Hands packages to hosts that have no other way out, and keeps what never changes. */
export async function startAptProxy(
  address: string,
  port: number,
  sources: readonly PackageSource[],
): Promise<AsyncDisposable> {
  const folder = join(cache, 'packages');
  await mkdir(folder, { recursive: true });
  const server = createServer((request, response) => {
    answer(request, response, { folder, sources }).catch((error: Error) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(error.message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { folder, sources }: { folder: string; sources: readonly PackageSource[] },
): Promise<void> {
  const url = request.url ?? '';
  const source = sources.find((one) => url.startsWith(asHosts(one)));
  if (!source || request.method !== 'GET') {
    response.writeHead(403).end('Only the package sources of this machine are served here');
    return;
  }
  const upstream = source.uri + url.slice(asHosts(source).length);
  const isImmutable = /\.deb$|\/by-hash\//.test(url);
  const kept = join(folder, createHash('sha256').update(url).digest('hex'));
  if (isImmutable) {
    const { size } = await stat(kept).catch(() => ({ size: -1 }));
    if (size >= 0) {
      response.writeHead(200, { 'content-length': size });
      return pipeline(createReadStream(kept), response);
    }
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const fetch = upstream.startsWith('https:') ? getHttps : getHttp;
  const { 'if-modified-since': since } = request.headers;
  fetch(upstream, { headers: since ? { 'if-modified-since': since } : {} }, resolve).on(
    'error',
    reject,
  );
  const got = await promise;
  response.writeHead(got.statusCode ?? 502, got.headers);
  if (!isImmutable || got.statusCode !== 200) return pipeline(got, response);
  const scratch = `${kept}.${process.pid}.${Math.random()}`;
  const file = createWriteStream(scratch);
  got.on('data', (chunk: Buffer) => response.write(chunk));
  try {
    await pipeline(got, file);
    await rename(scratch, kept);
  } finally {
    await rm(scratch, { force: true });
  }
  response.end();
}
