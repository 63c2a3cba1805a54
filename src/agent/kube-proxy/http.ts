import { createServer, type RequestListener } from 'node:http';

/** An HTTP server on every address of the node; disposing closes it with its connections. */
export async function serveHttp(port: number, answer: RequestListener): Promise<AsyncDisposable> {
  const server = createServer(answer);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, '0.0.0.0', resolve);
  await promise;
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}
