import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { createHttpsTransport } from '#main/clusters/https-transport.ts';
import type { HttpTransport } from '#shared/client/http-transport.ts';
import type { Pilothouse } from './pilothouse.ts';

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
}

/** The API of a running cluster as its administrator. */
export function apiOf({ kubeconfig }: Pick<Pilothouse, 'kubeconfig'>): HttpTransport & Disposable {
  const { clusters, users } = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const pem = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();
  return createHttpsTransport({
    server: cluster['server'] ?? '',
    ca: pem(cluster['certificate-authority-data']),
    clientCertificate: pem(user['client-certificate-data']),
    clientKey: pem(user['client-key-data']),
  });
}
