import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface WebhookServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** PEM in base64, for `caBundle`. */
  readonly caBundle: string;
  /** PEM of the certificate and its key, for whoever needs one. */
  readonly pair: { readonly certificate: string; readonly key: string };
  /** Every body that was posted, by path, the first one first. */
  readonly asked: { readonly path: string; readonly body: unknown }[];
}

/** What a webhook answers: an object, a status code, or nothing ever. */
export type Respond = (body: never, path: string, headers: IncomingHttpHeaders) => unknown;

export interface MadeCertificate {
  readonly certificate: string;
  readonly key: string;
  /** The certificate in base64, for `caBundle`. */
  readonly caBundle: string;
}

/** A certificate for 127.0.0.1 and these names, signed by itself. */
export function makeCertificate(names: readonly string[]): MadeCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-webhook-'));
  const file = (name: string): string => join(folder, name);
  const alternatives = ['IP:127.0.0.1', ...names.map((name) => `DNS:${name}`)].join(',');
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
      .concat(['-keyout', file('key.pem'), '-out', file('cert.pem'), '-days', '2'])
      .concat(['-subj', '/CN=webhook', '-addext', `subjectAltName=${alternatives}`]),
    { stdio: 'ignore' },
  );
  const certificate = readFileSync(file('cert.pem'), 'utf8');
  const key = readFileSync(file('key.pem'), 'utf8');
  rmSync(folder, { recursive: true, force: true });
  return { certificate, key, caBundle: Buffer.from(certificate).toString('base64') };
}

/** A webhook on 127.0.0.1 with a certificate for that address and for `names`. */
export async function serveWebhook(
  respond: Respond,
  names: readonly string[] = [],
): Promise<WebhookServer> {
  const { certificate: cert, key, caBundle } = makeCertificate(names);
  const asked: WebhookServer['asked'] = [];
  const server: Server = createServer({ cert, key }, (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const body = (text ? JSON.parse(text) : undefined) as never;
      const path = request.url ?? '';
      asked.push({ path, body });
      const answer = await respond(body, path, request.headers);
      if (answer === undefined) return;
      const code = typeof answer === 'number' ? answer : 200;
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(code === 200 ? JSON.stringify(answer) : 'no');
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    caBundle,
    pair: { certificate: cert, key },
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
