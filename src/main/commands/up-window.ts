import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningCluster } from '#main/clusters/control-socket.ts';
import type { ServerAccess } from '#main/clusters/https-transport.ts';
import { readSettings, writeSettings, type ClusterProfile } from '#main/clusters/profile.ts';
import { readIfPresent, writeAtomically } from '#main/clusters/secure-files.ts';
import type { Restorer } from '#main/control-plane/snapshots/restorer.ts';
import type { PortForwards } from '#main/port-forward/forwards.ts';
import { healthOf } from '#main/commands/window-health.ts';
import type { Tunnels } from '#main/provision/tunnel/tunnels.ts';
import type { RunningPlane } from '#main/running-plane.ts';
import type { Drains } from '#main/drain/drains.ts';
import { createHandlers } from '#main/window/handlers.ts';
import { overviewHandlers } from '#main/window/overview.ts';
import type { NodeServices } from '#main/window/nodes.ts';
import { createObjectSearch } from '#main/window/object-search.ts';
import type { SnapshotServices } from '#main/window/snapshots.ts';
import { newSession } from '#main/window/gate.ts';
import { serveWindow, type ServedWindow } from '#main/window/serve-window.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { createCluster } from '#shared/client/cluster.ts';
import type { TableTransport } from '#shared/client/transport.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import { app } from '#shared/contract/app.ts';
import type { Handlers } from '#shared/contract/contract.ts';

export interface WindowServices {
  readonly running: RunningCluster;
  readonly plane: RunningPlane;
  readonly restorer: Restorer;
  readonly profile: ClusterProfile;
  /** Why the cluster cannot be restored from here; absent: it can. */
  readonly cannotRestore: string | undefined;
  /** The way to the API as the administrator, whom windows act as. */
  readonly access: ServerAccess;
  readonly api: HttpTransport;
  readonly forwards: PortForwards;
  readonly nodes: NodeServices;
  readonly drains: Drains;
  /** To the machines that were added as nodes. */
  readonly tunnels: Pick<Tunnels, 'states'>;
  /** Where somebody's own keys are kept. */
  readonly keysFile: string;
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
  const { profile } = services;
  const { windowPort: preferredPort } = await readSettings(profile);
  const session = await keptSession(profile);
  const options = { contract: app, handlers, assets: rendererFolder, preferredPort, session, log };
  const { url, port } = stack.use(await serveWindow(options));
  if (port !== preferredPort)
    await writeSettings(profile, { ...(await readSettings(profile)), windowPort: port });
  const owned = stack.move();
  return { url, port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A window that was open goes on with an app that is started again, and no text is lost on the way. */
async function keptSession({ windowSession }: ClusterProfile): Promise<string> {
  const known = await readIfPresent(windowSession);
  if (known) return known;
  const session = newSession();
  await writeAtomically(windowSession, session);
  return session;
}

/** Answers for any window of this cluster, as its administrator. */
export function windowHandlers(services: WindowServices): Handlers<typeof app> & Disposable {
  const { plane, access, api, forwards, nodes, drains, keysFile, clock } = services;
  const health = healthOf(services);
  const containers = { access, forwards };
  const snapshots = snapshotServices(services);
  const log = services.log.child({ component: 'window' });
  const objects = createObjectSearch({ api, clock, log });
  const near = nearestWay(plane);
  const following = { ways: [near, api], clock };
  const overview = overviewHandlers({ cluster: createCluster(near), clock, log });
  return Object.assign(
    createHandlers({
      api,
      health,
      clock,
      settings: { keysFile },
      following,
      overview,
      containers,
      nodes,
      drains,
      snapshots,
      objects,
    }),
    {
      [Symbol.dispose]() {
        objects[Symbol.dispose]();
        void overview[Symbol.asyncDispose]();
      },
    },
  );
}

/** The API within the process, whichever control plane runs in it: objects come by reference. */
function nearestWay(plane: RunningPlane): TableTransport {
  return {
    request: (request, options) => plane.current.api.request(request, options),
    watch: (request, options) => plane.current.api.watch(request, options),
  };
}

function snapshotServices({
  plane,
  restorer,
  profile,
  cannotRestore,
  api,
  clock,
}: WindowServices): SnapshotServices {
  return {
    catalog: () => plane.current.snapshots,
    saveNow: (file) => plane.current.saveSnapshot(file),
    api,
    folder: profile.snapshots,
    restorer,
    clock,
    ...(cannotRestore !== undefined && { cannotRestore }),
    async saveRules(rules) {
      await writeSettings(profile, { ...(await readSettings(profile)), snapshots: rules });
    },
  };
}
