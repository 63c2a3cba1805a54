import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCluster } from './cluster.ts';
import { startStreamingServer, type StreamingServer } from './streaming-server.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import { startKubeletServer } from '#agent/kubelet/server/index.ts';
import { readAgentSettings } from '#agent/settings.ts';
import { clientCertificates, nodeCertificate } from '#main/clusters/certificates.ts';
import { openPki, type Pki } from '#main/clusters/pki.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import { createDirectDialer } from '#main/control-plane/direct-dialer.ts';
import { createWayToNodes } from '#main/control-plane/way-to-nodes.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const nodeName = 'n1';

/** A cluster's authority, and what leads from its API server to its nodes. */
export interface TestPki extends Disposable {
  readonly pki: Pki;
  readonly folder: string;
  /** Over TLS, to the addresses that nodes have in the cluster. */
  wayToNodes(objects: () => ObjectCache | undefined): NodeConnector;
}

export async function makePki(): Promise<TestPki> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-kubelet-'));
  const pki = await openPki({ folder: join(folder, 'pki'), clock: systemClock });
  return {
    pki,
    folder,
    wayToNodes: (objects) =>
      createWayToNodes({
        objects,
        dialer: createDirectDialer(objects),
        credentials: async () => ({
          authority: pki.authority('cluster').certificate,
          ...(await pki.certificate(clientCertificates.apiServerKubeletClient)),
        }),
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface TestKubelet extends AsyncDisposable {
  readonly port: number;
  readonly nodeName: string;
  /** What the runtime's streaming server was asked. */
  readonly asked: readonly string[];
  /** Puts lines into a container's log, each stamped with the second of its number. */
  writeLog(uid: string, container: string, lines: readonly string[]): void;
}

/** A kubelet's server in this process; what it would run in containers runs on this machine. */
export async function startTestKubelet(
  cluster: TestCluster,
  { pki, folder }: TestPki,
  pods: readonly Pod[],
): Promise<TestKubelet> {
  await using started = new AsyncDisposableStack();
  const streaming = started.use(await startStreamingServer());
  const directory = podDirectory(join(folder, 'logs'), pods);
  const server = await startKubeletServer({
    settings: await settingsIn(folder, pki),
    cluster: cluster.as(`system:node:${nodeName}`, 'system:nodes'),
    clock: systemClock,
    log: silentLog,
    kubelet: directory,
    runtime: hostRuntime(streaming, pods),
    port: 0,
    healthPort: 0,
  });
  started.use(server);
  await cluster.admin.create(nodes, {
    metadata: { name: nodeName },
    spec: {},
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: server.port } },
    } as never,
  });
  const owned = started.move();
  return {
    port: server.port,
    nodeName,
    asked: streaming.asked,
    writeLog(uid, container, lines) {
      const { logPath } = directory.container(uid, container)!;
      const text = lines.map((line, at) => `${timeOf(at)} stdout F ${line}\n`).join('');
      writeFileSync(logPath, text, { flag: 'a' });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function timeOf(second: number): string {
  return `2026-01-01T00:00:${String(second % 60).padStart(2, '0')}.000000001Z`;
}

async function settingsIn(folder: string, pki: Pki) {
  const client = await pki.certificate(nodeCertificate(nodeName));
  const serving = await pki.certificate({
    ...nodeCertificate(nodeName),
    file: 'serving',
    subjectAlternativeNames: [nodeName, '127.0.0.1'],
    usages: ['serverAuth'],
  });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const settings = {
    nodeName,
    nodeAddresses: ['127.0.0.1'],
    server: { host: '127.0.0.1', port: 6443 },
    folders: { kubelet: folder },
    pki: {
      authority: file('ca.crt', pki.authority('cluster').certificate),
      certificate: file('client.crt', client.certificate),
      key: file('client.key', client.key),
      servingCertificate: file('serving.crt', serving.certificate),
      servingKey: file('serving.key', serving.key),
    },
  };
  return readAgentSettings(file('settings.json', JSON.stringify(settings)));
}

function podDirectory(folder: string, pods: readonly Pod[]): PodDirectory {
  mkdirSync(folder, { recursive: true });
  const named = (uid: string, name: string): Pod | undefined =>
    pods.find(
      (pod) =>
        pod.metadata.uid === uid &&
        pod.spec.containers.some((container) => container.name === name),
    );
  return {
    pods: () => pods,
    find: (namespace, name) =>
      pods.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    sandboxId: (uid) => `sandbox-${uid}`,
    container(uid, name, { previous = false } = {}) {
      if (previous || !named(uid, name)) return undefined;
      return { id: `${uid}-${name}`, logPath: join(folder, `${uid}-${name}.log`), running: true };
    },
  };
}

const value = (number: number) => ({ value: number });
const timestamp = 1_795_257_659_832_000_000n;

/** As much of a container runtime as a kubelet's server asks. */
function hostRuntime({ port }: StreamingServer, pods: readonly Pod[]): ContainerRuntime {
  const url = (what: string, asked: object): { readonly url: string } => {
    const query = new URLSearchParams();
    const { cmd = [], stdin, stdout, stderr, tty } = asked as Record<string, unknown>;
    for (const word of cmd as string[]) query.append('command', word);
    for (const [name, isOn] of Object.entries({
      input: stdin,
      output: stdout,
      error: stderr,
      tty,
    })) {
      if (isOn) query.set(name, '1');
    }
    return { url: `http://127.0.0.1:${port}/${what}?${query}` };
  };
  const containers = pods.flatMap(({ metadata, spec }) =>
    spec.containers.map(({ name }) => ({
      attributes: {
        id: `${metadata.uid}-${name}`,
        labels: { 'io.kubernetes.pod.uid': metadata.uid, 'io.kubernetes.container.name': name },
      },
      cpu: { timestamp, usageCoreNanoSeconds: value(42_584_839) },
      memory: { timestamp, workingSetBytes: value(8_990_720), usageBytes: value(9_000_000) },
      writableLayer: { timestamp, usedBytes: value(4096), inodesUsed: value(2) },
    })),
  );
  const runtime = {
    exec: async (asked: object) => url('exec', asked),
    attach: async (asked: object) => url('attach', asked),
    portForward: async (asked: object) => url('portForward', asked),
    execSync: ({ cmd }: { cmd: readonly string[] }) =>
      new Promise((resolve) => {
        const options = { encoding: 'buffer' } as const;
        execFile(cmd[0]!, cmd.slice(1), options, (error, stdout, stderr) =>
          resolve({ stdout, stderr, exitCode: error ? Number(error.code) : 0 }),
        );
      }),
    listContainerStats: async () => ({ stats: containers }),
    listPodSandboxStats: async () => ({ stats: [] }),
    imageFsInfo: async () => ({
      imageFilesystems: [{ fsId: { mountpoint: '/' }, usedBytes: value(1), inodesUsed: value(1) }],
    }),
    listPodSandbox: async () => ({
      items: pods.map(({ metadata }) => ({ id: `sandbox-${metadata.uid}`, metadata })),
    }),
    listContainers: async () => ({ containers: [] }),
  };
  return runtime as unknown as ContainerRuntime;
}
