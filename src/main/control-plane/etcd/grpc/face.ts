import { createHash } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { EmbeddedStore } from '../embedded-store.ts';
import { authMethods } from './auth.ts';
import { clusterMethods } from './cluster.ts';
import { raftTerm, type FaceContext } from './context.ts';
import { toGrpcError } from './conversion.ts';
import { healthMethods } from './health.ts';
import { keyValueMethods } from './kv.ts';
import { leaseMethods } from './lease.ts';
import { maintenanceMethods } from './maintenance.ts';
import { startGrpcServer, type GrpcServer, type TlsMaterial } from './server.ts';
import { watchMethods } from './watch.ts';

export interface EtcdFaceOptions {
  readonly store: EmbeddedStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Shown as the member's name; it also gives the cluster its identity. */
  readonly name: string;
  /** 127.0.0.1 unless said otherwise. */
  readonly host?: string;
  /** 0: any free one. */
  readonly port: number;
  /** Mutual TLS. Without it the face speaks in the clear: for tests and measurements. */
  readonly tls?: TlsMaterial;
}

/** Serves the store as etcd's API, version 3. Disposing ends every call; the store is left open. */
export async function startEtcdFace(options: EtcdFaceOptions): Promise<GrpcServer> {
  const { store, clock, log, name, host = '127.0.0.1', port, tls } = options;
  const clusterId = identity(`cluster ${name}`);
  const memberId = identity(`member ${name}`);
  let clientUrl = '';
  const context: FaceContext = {
    store,
    clock,
    log,
    name,
    memberId,
    clientUrl: () => clientUrl,
    header: (revision = store.revision) => ({ clusterId, memberId, revision, raftTerm }),
  };
  const server = await startGrpcServer({
    host,
    port,
    ...(tls && { tls }),
    clock,
    log,
    toError: toGrpcError,
    methods: [
      ...keyValueMethods(context),
      ...watchMethods(context),
      ...leaseMethods(context),
      ...maintenanceMethods(context),
      ...clusterMethods(context),
      ...authMethods(context),
      ...healthMethods(),
    ],
  });
  clientUrl = `${tls ? 'https' : 'http'}://${host}:${server.port}`;
  return server;
}

function identity(of: string): bigint {
  return createHash('sha256').update(of).digest().readBigUInt64BE();
}
