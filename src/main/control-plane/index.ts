import { hostname } from 'node:os';
import { memoryUsage } from 'node:process';
import { readFile } from 'node:fs/promises';
import { createCertificateSigner } from '#main/clusters/certificate-signer.ts';
import { clientCertificates, etcdServerCertificate } from '#main/clusters/certificates.ts';
import type { SavedSnapshot } from '#main/clusters/control-socket.ts';
import type { EtcdSettings } from '#main/clusters/profile.ts';
import type { KeyPair, Pki } from '#main/clusters/pki.ts';
import { createApiServer, type ApiServer } from '#main/control-plane/apiserver/server.ts';
import {
  apiServerUser,
  cloudControllerManagerUser,
  controllerManagerUser,
  nodeUser,
  schedulerUser,
  serviceAccountUser,
} from '#main/control-plane/apiserver/authentication/users.ts';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { startBootstrap } from '#main/control-plane/apiserver/bootstrap/index.ts';
import { startCloudControllerManager } from '#main/control-plane/cloud-controller-manager/index.ts';
import { startControllerManager } from '#main/control-plane/controller-manager/index.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { startCompactor } from '#main/control-plane/apiserver/storage/compactor.ts';
import { startEtcdFace } from '#main/control-plane/etcd/grpc/face.ts';
import type { GrpcServer, TlsMaterial } from '#main/control-plane/etcd/grpc/server.ts';
import { openEmbeddedStore, type EmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { openRemoteStore } from '#main/control-plane/etcd/remote-store.ts';
import type { Store } from '#main/control-plane/etcd/store.ts';
import {
  SnapshotCatalog,
  takeSnapshot,
  type SnapshotPlan,
} from '#main/control-plane/etcd/snapshot/catalog.ts';
import { verifyAndCount } from '#main/control-plane/etcd/snapshot/restore.ts';
import { churning } from '#main/control-plane/snapshots/differences.ts';
import type { StoreStatus } from '#main/control-plane/etcd/store.ts';
import {
  addresses,
  firstAddress,
  keepCertificates,
  openCredentials,
  type Credentials,
} from '#main/control-plane/credentials.ts';
import { createDirectDialer } from '#main/control-plane/direct-dialer.ts';
import type { NodeDialer } from '#main/control-plane/node-dialer.ts';
import { createWayToNodes } from '#main/control-plane/way-to-nodes.ts';
import { startLocalPath } from '#main/control-plane/local-path/index.ts';
import { startScheduler } from '#main/control-plane/scheduler/index.ts';
import { addSchedulerPaths } from '#main/control-plane/scheduling-paths.ts';
import { SchedulingEvents } from '#main/control-plane/scheduling-events.ts';
import { createSecurity, type Security } from '#main/control-plane/security.ts';
import { versionInfo } from '#main/control-plane/version.ts';
import { resources } from '#shared/api/index.ts';
import type { Clock } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import type { Cluster } from '#shared/client/cluster.ts';
import type { TableTransport } from '#shared/client/transport.ts';
import type { Machines } from '#shared/kube/machines.ts';

export interface ControlPlaneOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Folders and files of this cluster. */
  readonly pki: string;
  readonly state: string;
  /** A real etcd that holds the state instead. */
  readonly etcd?: EtcdSettings | undefined;
  readonly snapshots: string;
  readonly snapshotPlan: SnapshotPlan;
  readonly bindAddress: string;
  readonly port: number;
  /** Absent: no etcd face. */
  readonly etcdPort: number | undefined;
  /** Rather fail than take the next. */
  readonly isEtcdPortFixed: boolean;
  readonly serviceRange: string;
  readonly podRange: string;
  /** Ways to nodes that this machine reaches no other way. */
  readonly tunnels?: (NodeDialer & { has(node: string): boolean }) | undefined;
  /** The machines that became nodes, as provisioning knows them. */
  readonly machines?: Machines | undefined;
  /** What services of type LoadBalancer get; the nodes' own addresses without. */
  readonly loadBalancerAddresses?: readonly string[] | undefined;
}

/** A running control plane; disposing ends all of it in order and waits. */
export interface ControlPlane extends AsyncDisposable {
  readonly port: number;
  readonly etcdPort: number | undefined;
  /** PEM of the authority that the server's certificate is checked against. */
  readonly authority: string;
  /** What the administrator's kubeconfig holds. */
  readonly admin: KeyPair;
  /** The API within the process, as the administrator and as a node. */
  readonly cluster: Cluster;
  readonly api: TableTransport;
  clusterForNode(name: string): Cluster;
  storeStatus(): Promise<StoreStatus>;
  /** How long the newest requests over the network took; nothing where there were none. */
  recentP99Ms(): number | undefined;
  /** What this process takes. */
  memoryBytes(): number;
  readonly snapshots: SnapshotCatalog;
  /** Into the cluster's own folder unless a file is named. */
  saveSnapshot(file: string | undefined): Promise<SavedSnapshot>;
}

const nodeMask = 24;
const facePortTries = 50;
/** What nobody has: for a machine without any network, whose server others cannot reach anyway. */
const noAddress = '192.0.2.1';

/** Starts store, API server, bootstrap, controllers and scheduler, in this order. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  await using started = new AsyncDisposableStack();
  const opening = openCredentials(options);
  opening.catch(() => {}); // awaited below, once there is somebody to close the store
  const { store, embedded } = await openStore(options);
  started.use(store);
  const credentials = await opening;
  const { pki, serving } = credentials;
  const { server, security } = await serveApi(options, store, credentials);
  started.use(security);
  started.use(server);
  started.use(startCompactor({ store, clock: options.clock, log: options.log }));
  started.use(await bootstrap(options, server, pki));
  started.use(startControllers(options, { server, security, pki }));
  started.use(startCloudControllers(options, server));
  started.use(startScheduling(options, server));
  const listener = await server.listen({
    host: options.bindAddress,
    port: options.port,
    tls: { key: serving.key, cert: serving.certificate },
  });
  const face = embedded && (await startFace(options, embedded, pki));
  if (face) started.use(face);
  const snapshots = snapshotsOf(options, store);
  started.use(snapshots.schedule());
  started.use(keepCertificates(options, pki, (tls) => listener.renew(tls)));
  const owned = started.move();
  return {
    port: listener.port,
    etcdPort: face?.port,
    authority: pki.authority('cluster').certificate,
    admin: credentials.admin,
    cluster: server.clusterFor(apiServerUser, { manager: 'pilothouse' }),
    api: server.transportFor(apiServerUser, { manager: 'pilothouse' }),
    clusterForNode: (name) => server.clusterFor(nodeUser(name), { manager: 'kubelet' }),
    storeStatus: () => store.status(),
    recentP99Ms: () => server.recentP99Ms(),
    memoryBytes: () => memoryUsage.rss(),
    snapshots,
    saveSnapshot: (file) => takeSnapshot(snapshots, { store, file }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The cluster's own file, or the real etcd that it was told to use. */
async function openStore({
  state,
  etcd,
  clock,
  log,
}: ControlPlaneOptions): Promise<{ store: Store; embedded: EmbeddedStore | undefined }> {
  const own = log.child({ component: 'etcd' });
  if (etcd) {
    const tls = await readTls(etcd);
    const { endpoints } = etcd;
    return {
      store: await openRemoteStore({ endpoints, tls, clock, log: own }),
      embedded: undefined,
    };
  }
  const embedded = await openEmbeddedStore({ path: state, clock, log: own });
  return { store: embedded, embedded };
}

async function readTls({
  authority,
  certificate,
  key,
}: EtcdSettings): Promise<Partial<TlsMaterial>> {
  const read = (path: string | undefined) =>
    path === undefined ? undefined : readFile(path, 'utf8');
  const [ca, cert, own] = await Promise.all([read(authority), read(certificate), read(key)]);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { certificate: cert }),
    ...(own !== undefined && { key: own }),
  };
}

async function serveApi(
  { clock, log, serviceRange, tunnels }: ControlPlaneOptions,
  store: Store,
  { pki, frontProxy, serviceAccountKeys }: Credentials,
): Promise<{ server: ApiServer; security: Security }> {
  const clientAuthority = pki.authority('cluster').certificate;
  let security: Security | undefined;
  let known: ObjectCache | undefined;
  const server = await createApiServer({
    store,
    clock,
    log: log.child({ component: 'apiserver' }),
    resources,
    version: versionInfo,
    serviceRanges: [serviceRange],
    aggregation: frontProxy,
    nodes: createWayToNodes({
      objects: () => known,
      dialer: preferring(tunnels, createDirectDialer({ objects: () => known, clock })),
      clock,
      credentials: async () => ({
        authority: clientAuthority,
        ...(await pki.certificate(clientCertificates.apiServerKubeletClient)),
      }),
    }),
    security({ objects }) {
      known = objects;
      security = createSecurity({ objects, clock, clientAuthority, serviceAccountKeys });
      const { authorizer, issuer, issueToken: issue } = security;
      return {
        ...security,
        admission: admissionPlugins({ authorizer }),
        tokens: { issuer, issue },
      };
    },
  });
  return { server, security: security! };
}

/** Through its tunnel where a node has one. */
function preferring(tunnels: ControlPlaneOptions['tunnels'], direct: NodeDialer): NodeDialer {
  return {
    dial: (node, target, options) =>
      (tunnels?.has(node) ? tunnels : direct).dial(node, target, options),
  };
}

function bootstrap(
  { port, serviceRange, clock, log }: ControlPlaneOptions,
  server: ApiServer,
  pki: Pki,
): Promise<AsyncDisposable> {
  return startBootstrap({
    settings: {
      advertiseAddress: addresses().find((address) => !address.includes(':')) ?? noAddress,
      port,
      serviceRange,
      serviceAddress: firstAddress(serviceRange),
      clientAuthority: pki.authority('cluster').certificate,
      requestHeaderAuthority: pki.authority('frontProxy').certificate,
      hostName: hostname().toLowerCase(),
    },
    cluster: server.clusterFor(apiServerUser, { manager: 'kube-apiserver' }),
    objects: server.objects,
    clock,
    log: log.child({ component: 'apiserver' }),
  });
}

function startControllers(
  { clock, log, podRange, machines }: ControlPlaneOptions,
  { server, security, pki }: { server: ApiServer; security: Security; pki: Pki },
): AsyncDisposable {
  const manager = 'kube-controller-manager';
  return startControllerManager({
    cluster: server.clusterFor(controllerManagerUser, { manager }),
    clusterFor: (name) => server.clusterFor(serviceAccountUser('kube-system', name), { manager }),
    clock,
    log: log.child({ component: 'controller-manager' }),
    caBundle: pki.authority('cluster').certificate,
    signer: createCertificateSigner({ authority: pki.authority('cluster'), clock }),
    signToken: (claims) => security.issuer.issueLegacy(claims),
    podRange: { podCidr: podRange, nodeMask },
    machines,
  });
}

/** Controllers for machines and their disks: idle until the first node that is not simulated. */
function startCloudControllers(
  { clock, log, machines, loadBalancerAddresses: addressPool }: ControlPlaneOptions,
  server: ApiServer,
): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const administrator = server.clusterFor(apiServerUser, { manager: 'pilothouse' });
  const manager = 'cloud-controller-manager';
  stack.use(
    startCloudControllerManager({
      administrator,
      cluster: server.clusterFor(cloudControllerManagerUser, { manager }),
      clock,
      log: log.child({ component: manager }),
      machines,
      addressPool,
    }),
  );
  const name = 'local-path-provisioner';
  stack.use(
    startLocalPath({
      administrator,
      cluster: server.clusterFor(serviceAccountUser('kube-system', name), { manager: name }),
      clock,
      log: log.child({ component: name }),
    }),
  );
  return stack;
}

function startScheduling({ clock, log }: ControlPlaneOptions, server: ApiServer): AsyncDisposable {
  const cluster = server.clusterFor(schedulerUser, { manager: 'kube-scheduler' });
  const own = log.child({ component: 'scheduler' });
  const stack = new AsyncDisposableStack();
  const controller = 'default-scheduler';
  const events = stack.use(new SchedulingEvents({ cluster, clock, log: own, controller }));
  const scheduler = startScheduler({ cluster, clock, log: own, recordEvent: events.record });
  stack.use(scheduler);
  addSchedulerPaths(server.paths, scheduler);
  return stack;
}

/** etcd's own API on loopback, for those who show a certificate of its authority. */
async function startFace(
  { name, etcdPort, isEtcdPortFixed, clock, log }: ControlPlaneOptions,
  store: EmbeddedStore,
  pki: Pki,
): Promise<GrpcServer | undefined> {
  if (etcdPort === undefined) return undefined;
  const { certificate, key } = await pki.certificate(etcdServerCertificate([hostname()]));
  const tls = { ca: pki.authority('etcd').certificate, certificate, key };
  const own = log.child({ component: 'etcd' });
  // The port was free a moment ago; another cluster that comes up now may have taken it since.
  for (let port = etcdPort; ; port++) {
    try {
      return await startEtcdFace({ store, clock, log: own, name, port, tls });
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || isEtcdPortFixed || port > etcdPort + facePortTries) throw error;
    }
  }
}

function snapshotsOf(
  { snapshots: folder, snapshotPlan: plan, clock, log }: ControlPlaneOptions,
  store: Store,
): SnapshotCatalog {
  const own = log.child({ component: 'snapshots' });
  return new SnapshotCatalog({
    folder,
    store,
    clock,
    log: own,
    plan,
    verify: (snapshot, previous) =>
      verifyAndCount({ snapshot, previous, scratchFolder: folder, ignored: churning }),
  });
}
