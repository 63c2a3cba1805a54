import { createServer } from 'node:http';

/** `/healthz` on loopback, for whoever watches over the kubelet on its machine. */
export async function serveHealth(port: number): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const isKnown = /^\/healthz(\/(ping|log|syncloop))?(\?|$)/.test(request.url ?? '');
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.setHeader('x-content-type-options', 'nosniff');
    response.writeHead(isKnown ? 200 : 404).end(isKnown ? 'ok' : '404 page not found\n');
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}
