import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { authorityOf, heldCertificate } from '#agent/certificates/held-certificates.ts';
import { renewalTime, startRenewal } from '#agent/certificates/renewal.ts';
import { readAgentSettings, type AgentSettings } from '#agent/settings.ts';
import { nodeCertificate, nodeServingCertificate } from '#main/clusters/certificates.ts';
import { openPki } from '#main/clusters/pki.ts';
import { startControlPlane } from '#main/control-plane/index.ts';
import { certificateSigningRequests } from '#shared/api/certificates/certificate-signing-request.ts';
import { nodes } from '#shared/api/core/node.ts';
import type { Node } from '#shared/api/types/core-v1.ts';
import { silentLog as log } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { createHttpTransport } from '#shared/client/http-transport.ts';
import type { New } from '#shared/kube/object.ts';
import { freePort } from '../support/pilothouse.ts';
import { LeapingClock } from '../support/leaping-clock.ts';

const dayMs = 86_400_000;
const addresses = ['10.0.0.1', 'fd00::1'];

/** What provisioning writes on the node. */
async function writeSettings(folder: string, port: number, clock: LeapingClock) {
  const pki = await openPki({ folder: join(folder, 'pki'), clock });
  const client = await pki.certificate(nodeCertificate('a'));
  const serving = await pki.certificate(nodeServingCertificate('a', addresses));
  const put = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const settings = {
    nodeName: 'a',
    nodeAddresses: addresses,
    server: { host: '127.0.0.1', port },
    pki: {
      authority: await put('ca.crt', pki.authority('cluster').certificate),
      certificate: await put('node.crt', client.certificate),
      key: await put('node.key', client.key),
      servingCertificate: await put('kubelet.crt', serving.certificate),
      servingKey: await put('kubelet.key', serving.key),
    },
    folders: { state: join(folder, 'state') },
  };
  return readAgentSettings(await put('agent.json', JSON.stringify(settings)));
}

const ends = (settings: AgentSettings): string[] =>
  (['client', 'serving'] as const).map(
    (use) => new X509Certificate(heldCertificate(settings, use).certificate).validTo,
  );

test('a node has its certificates renewed before they end, and shows the new ones', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pilothouse-renewal-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  // A year that is nearly over: TLS itself goes by the machine's own time.
  const clock = new LeapingClock(systemClock, systemClock.now() - 360 * dayMs);
  const port = await freePort();
  const plane = stack.use(
    await startControlPlane({
      name: 'test',
      clock,
      log,
      pki: join(folder, 'pki'),
      state: join(folder, 'state.db'),
      snapshots: join(folder, 'snapshots'),
      snapshotPlan: { intervalMs: 1000 * dayMs, keep: {} },
      bindAddress: '127.0.0.1',
      port,
      etcdPort: undefined,
      isEtcdPortFixed: false,
      serviceRange: '10.96.0.0/16',
      podRange: '10.244.0.0/16',
    }),
  );
  const settings = await writeSettings(folder, port, clock);
  const api = stack.use(
    createHttp2Exchange({
      server: settings.server,
      credentials() {
        const { certificate: cert, key } = heldCertificate(settings, 'client');
        return { ca: authorityOf(settings), cert, key };
      },
      clock,
    }),
  );
  const cluster = createCluster(createHttpTransport(api.exchange));
  const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) };
  const node = { metadata: { name: 'a' }, spec: {}, status };
  await cluster.create(nodes, node as unknown as New<Node>);
  const used: string[] = [];
  const renewed = (use: string): void => {
    used.push(use);
    if (use === 'client') api.renew();
  };
  stack.use(startRenewal({ settings, cluster, clock, log, renewed }));

  const first = ends(settings);
  clock.leap(200 * dayMs);
  await cluster.get(nodes, { name: 'a' });
  expect([ends(settings), used]).toEqual([first, []]);

  clock.leap(130 * dayMs);
  await expect.poll(() => used.toSorted()).toEqual(['client', 'serving']);
  const now = clock.now();
  for (const use of ['client', 'serving'] as const) {
    const { certificate } = heldCertificate(settings, use);
    expect(renewalTime(certificate) - now).toBeGreaterThan(250 * dayMs);
  }
  const serving = new X509Certificate(heldCertificate(settings, 'serving').certificate);
  expect(addresses.map((one) => serving.checkIP(one))).toEqual(addresses);
  expect(serving.checkHost('a')).toBe('a');

  const client = heldCertificate(settings, 'client').certificate;
  // Over a connection with the new certificate, as who it is.
  expect((await cluster.get(nodes, { name: 'a' })).metadata.name).toBe('a');
  const { items } = await plane.cluster.list(certificateSigningRequests);
  expect(items.map(({ spec }) => spec.username)).toEqual(['system:node:a', 'system:node:a']);
  const messages = items.flatMap(({ status: { conditions = [] } }) =>
    conditions.map(({ message }) => message ?? ''),
  );
  expect(messages.toSorted()).toEqual([
    'Auto approving kubelet serving certificate: all its names are those of the node.',
    'Auto approving self kubelet client certificate after SubjectAccessReview.',
  ]);

  // What cannot be read is passed over.
  const file = join(folder, 'state/certificates/client.pem');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace(/[A-Za-z]{8}/g, 'AAAAAAAA'));
  expect(heldCertificate(settings, 'client').certificate).not.toBe(client);
  await writeFile(file, text);
  expect(heldCertificate(settings, 'client').certificate).toBe(client);

  // What provisioning wrote anew meanwhile counts where it lives longer.
  const kept = ends(settings);
  clock.leap(dayMs);
  await rm(join(folder, 'pki/nodes'), { recursive: true });
  await writeSettings(folder, port, clock);
  expect(ends(settings).every((end, at) => Date.parse(end) > Date.parse(kept[at]!))).toBe(true);
}, 60_000);
