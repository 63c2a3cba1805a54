import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCluster } from './cluster.ts';
import type { ContainerRuntime } from '#agent/container-runtime/index.ts';
import type { PodDirectory } from '#agent/kubelet/pod-directory.ts';
import { startKubeletServer } from '#agent/kubelet/server/index.ts';
import { readAgentSettings } from '#agent/settings.ts';
import { clientCertificates, nodeCertificate } from '#main/clusters/certificates.ts';
import { openPki, type Pki } from '#main/clusters/pki.ts';
import type { ObjectCache } from '#main/control-plane/apiserver/object-cache.ts';
import type { NodeDialer } from '#main/control-plane/node-dialer.ts';
import { createDirectDialer } from '#main/control-plane/direct-dialer.ts';
import { createWayToNodes } from '#main/control-plane/way-to-nodes.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { nodes } from '#shared/api/core/node.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const nodeName = 'n1';

/** A cluster's authority, and what leads from its API server to its nodes. */
export interface TestPki extends Disposable {
  readonly pki: Pki;
  readonly folder: string;
  /** Over TLS, to the addresses that nodes have in the cluster unless another way is given. */
  wayToNodes(objects: () => ObjectCache | undefined, dialer?: NodeDialer): NodeConnector;
}

export async function makePki(): Promise<TestPki> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-kubelet-'));
  const pki = await openPki({ folder: join(folder, 'pki'), clock: systemClock });
  return {
    pki,
    folder,
    wayToNodes: (objects, dialer = createDirectDialer({ objects, clock: systemClock })) =>
      createWayToNodes({
        objects,
        dialer,
        clock: systemClock,
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
}

/** A kubelet's server in this process, on the only node of the cluster. */
export async function startTestKubelet(
  cluster: Pick<TestCluster, 'admin' | 'as'>,
  { pki, folder }: Pick<TestPki, 'pki' | 'folder'>,
  containers: { readonly directory: PodDirectory; readonly runtime: ContainerRuntime },
): Promise<TestKubelet> {
  const server = await startKubeletServer({
    settings: await settingsIn(folder, pki),
    cluster: cluster.as(`system:node:${nodeName}`, 'system:nodes'),
    clock: systemClock,
    log: silentLog,
    kubelet: containers.directory,
    runtime: containers.runtime,
    port: 0,
    healthPort: 0,
  });
  await cluster.admin.create(nodes, {
    metadata: { name: nodeName },
    spec: {},
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: server.port } },
    } as never,
  });
  return server;
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
