import { createServer } from 'node:net';

/** How many ports are tried beyond the one that is wanted. */
const tries = 100;

/**
 * The port if it is asked for, else the wanted one or the next that is free. Throws when a port that
 * is asked for is taken.
 */
export async function choosePort(
  host: string,
  { asked, wanted }: { readonly asked: number | undefined; readonly wanted: number },
): Promise<number> {
  if (asked !== undefined) {
    if (await isFree(host, asked)) return asked;
    throw new Error(`Cannot listen on ${host}:${asked}: somebody else does; use another port`);
  }
  for (let port = wanted; port < wanted + tries; port++) if (await isFree(host, port)) return port;
  throw new Error(`Cannot find a free port from ${wanted} on; name one with --port`);
}

function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
