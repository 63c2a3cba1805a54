import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { MemoryObjectCache } from '../../../test/support/object-cache.ts';
import { clientCertificates, nodeCertificate } from '#main/clusters/certificates.ts';
import { openPki, type Pki } from '#main/clusters/pki.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { createWayToNodes } from '#main/control-plane/way-to-nodes.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { nodes } from '#shared/api/core/node.ts';

const label = 'pilothouse.dev/simulated';

interface Fixture extends AsyncDisposable {
  readonly way: NodeConnector;
  /** Who the last caller said it was. */
  readonly caller: () => string | undefined;
}

/** Something that listens like a kubelet and shows a certificate for these names. */
async function kubeletFor(names: readonly string[]): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-way-'));
  const pki = await openPki({ folder, clock: systemClock });
  const shown = await pki.certificate({
    ...nodeCertificate('a'),
    subjectAlternativeNames: names,
    usages: ['serverAuth'],
  });
  const authority = pki.authority('cluster').certificate;
  let caller: string | undefined;
  const server = createServer(
    { key: shown.key, cert: shown.certificate, ca: authority, requestCert: true },
    (socket: TLSSocket) => {
      caller = socket.getPeerCertificate().subject?.CN as string;
      socket.on('error', () => {});
      socket.end('hello');
    },
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    way: createWayToNodes({
      objects: () => cluster(port),
      clock: systemClock,
      dialer: { dial: async (_node, target) => connect(target.port, target.host) },
      credentials: () => credentialsOf(pki, authority),
    }),
    caller: () => caller,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true });
    },
  };
}

function cluster(port: number): MemoryObjectCache {
  const objects = new MemoryObjectCache();
  objects.put(nodes, {
    metadata: { name: 'a' },
    status: {
      addresses: [{ type: 'InternalIP', address: '10.9.8.7' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  } as never);
  objects.put(nodes, { metadata: { name: 's', labels: { [label]: 'true' } } });
  return objects;
}

async function credentialsOf(pki: Pki, authority: string) {
  return { authority, ...(await pki.certificate(clientCertificates.apiServerKubeletClient)) };
}

test.each([[['a']], [['10.9.8.7']]])(
  'A kubelet whose certificate is for %s is spoken to, with the certificate made for that',
  async (names) => {
    await using kubelet = await kubeletFor(names);
    const connection = await kubelet.way.dialKubelet('a');
    const [hello] = await once(connection, 'data');
    expect(String(hello)).toBe('hello');
    expect(kubelet.caller()).toBe('kube-apiserver-kubelet-client');
    connection.destroy();
  },
);

test('A kubelet that shows the certificate of another node is not spoken to', async () => {
  await using kubelet = await kubeletFor(['b', '10.9.8.6']);
  await expect(kubelet.way.dialKubelet('a')).rejects.toThrow(
    'its certificate is for DNS:b, IP Address:10.9.8.6, not for a, 10.9.8.7',
  );
});

test('Nothing on a simulated node is dialed', async () => {
  await using kubelet = await kubeletFor(['a']);
  await expect(kubelet.way.dialKubelet('s')).rejects.toThrow('it is simulated');
  const target = { host: '10.244.0.2', port: 80 };
  await expect(kubelet.way.dial('s', target)).rejects.toThrow('it is simulated');
});
