import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCluster } from '#main/clusters/control-socket.ts';
import { createHttpsTransport } from '#main/clusters/https-transport.ts';
import type { ControlPlane } from '#main/control-plane/index.ts';
import { createHandlers } from '#main/window/handlers.ts';
import { serveWindow, type ServedWindow } from '#main/window/serve-window.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { app, type Health } from '#shared/contract/app.ts';
import type { Handlers } from '#shared/contract/contract.ts';

export interface WindowServices {
  readonly running: RunningCluster;
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly log: Log;
}

/** Where the build puts the page. */
const rendererFolder = join(import.meta.dirname, '../../../out/renderer');

/** Serves the window of a running cluster to a browser. Throws when the page has not been built. */
export async function startWindow(services: WindowServices): Promise<ServedWindow> {
  if (!existsSync(join(rendererFolder, 'index.html'))) {
    throw new Error('The window has not been built: run "npm start", or add --no-window');
  }
  await using stack = new AsyncDisposableStack();
  const handlers = stack.use(windowHandlers(services));
  const log = services.log.child({ component: 'window' });
  const window = stack.use(
    await serveWindow({ contract: app, handlers, assets: rendererFolder, log }),
  );
  const owned = stack.move();
  return { url: window.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Answers for any window of this cluster, as its administrator. */
export function windowHandlers({
  running,
  controlPlane,
  clock,
}: WindowServices): Handlers<typeof app> & Disposable {
  const { admin, authority } = controlPlane;
  const api = createHttpsTransport({
    server: running.server,
    ca: authority,
    clientCertificate: admin.certificate,
    clientKey: admin.key,
  });
  const startedAt = clock.elapsed();
  const health = async (): Promise<Health> => {
    const { revision, dbSizeBytes } = await controlPlane.storeStatus();
    return {
      version: running.version,
      cluster: running.name,
      server: running.server,
      kubeconfig: running.kubeconfig,
      uptimeMs: clock.elapsed() - startedAt,
      revision,
      storeBytes: dbSizeBytes,
      memoryBytes: controlPlane.memoryBytes(),
    };
  };
  return Object.assign(createHandlers({ api, health, clock }), {
    [Symbol.dispose]: () => api[Symbol.dispose](),
  });
}
