import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { createHttpsTransport } from '#main/clusters/https-transport.ts';
import { createCluster, type Cluster } from '#shared/client/cluster.ts';

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly {
    readonly user: {
      readonly 'client-certificate-data': string;
      readonly 'client-key-data': string;
    };
  }[];
}

/** The cluster that the kubeconfig names, as its user. */
export async function connectTo(
  kubeconfig: string,
): Promise<Disposable & { readonly cluster: Cluster }> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const [{ cluster: at }, { user }] = [clusters[0]!, users[0]!];
  const pem = (base64: string): string => Buffer.from(base64, 'base64').toString();
  const transport = createHttpsTransport({
    server: at.server,
    ca: pem(at['certificate-authority-data']),
    clientCertificate: pem(user['client-certificate-data']),
    clientKey: pem(user['client-key-data']),
  });
  return {
    cluster: createCluster(transport),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}
