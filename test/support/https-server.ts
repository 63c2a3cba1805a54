import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '#main/control-plane/apiserver/server.ts';

export interface HttpsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Path of a kubeconfig that leads to the server. */
  readonly kubeconfig: string;
  /** PEM of the server's own certificate. */
  readonly certificate: string;
}

/** Serves an API server over TLS on a free port of 127.0.0.1, with a certificate made for this. */
export async function serveHttps(server: ApiServer): Promise<HttpsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-https-'));
  const file = (name: string): string => join(folder, name);
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
      .concat(['-keyout', file('key.pem'), '-out', file('cert.pem'), '-days', '2'])
      .concat(['-subj', '/CN=kube-apiserver', '-addext', 'subjectAltName=IP:127.0.0.1']),
    { stdio: 'ignore' },
  );
  const certificate = readFileSync(file('cert.pem'), 'utf8');
  const tls = { cert: certificate, key: readFileSync(file('key.pem'), 'utf8') };
  const listener = await server.listen({ host: '127.0.0.1', port: 0, tls });
  const url = `https://127.0.0.1:${listener.port}`;
  const kubeconfig = file('kubeconfig');
  const ca = Buffer.from(certificate).toString('base64');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': ca } }],
      users: [{ name: 'test', user: { token: 'test' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    }),
  );
  return {
    url,
    port: listener.port,
    kubeconfig,
    certificate,
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
