import type { CertificateSpec } from '#main/clusters/pki.ts';

/** Who a client certificate of the cluster's own authority speaks for. */
function client(
  file: string,
  commonName: string,
  organizations: readonly string[] = [],
): CertificateSpec {
  return {
    file,
    authority: 'cluster',
    commonName,
    organizations,
    subjectAlternativeNames: [],
    usages: ['clientAuth'],
  };
}

/** The certificates of a control plane's components, by the names and files that kubeadm gives them. */
export const clientCertificates = {
  admin: client('admin', 'kubernetes-admin', ['system:masters']),
  scheduler: client('scheduler', 'system:kube-scheduler'),
  controllerManager: client('controller-manager', 'system:kube-controller-manager'),
  apiServerKubeletClient: client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', [
    'system:masters',
  ]),
  frontProxyClient: {
    ...client('front-proxy-client', 'front-proxy-client'),
    authority: 'frontProxy',
  },
  apiServerEtcdClient: {
    ...client('apiserver-etcd-client', 'kube-apiserver-etcd-client'),
    authority: 'etcd',
  },
} as const satisfies Readonly<Record<string, CertificateSpec>>;

/** A kubelet's own: what the Node authorizer knows it by. */
export function nodeCertificate(nodeName: string): CertificateSpec {
  return client(`nodes/${nodeName}`, `system:node:${nodeName}`, ['system:nodes']);
}

/** What a kubelet shows to the API server. */
export function nodeServingCertificate(
  nodeName: string,
  addresses: readonly string[],
): CertificateSpec {
  return {
    file: `nodes/${nodeName}-serving`,
    authority: 'cluster',
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    subjectAlternativeNames: [...new Set([nodeName, ...addresses])],
    usages: ['serverAuth'],
  };
}

export interface ServingOptions {
  /** The first address of the service range: what pods call the API server by. */
  readonly serviceAddress: string;
  readonly clusterDomain: string;
  /** The machine's own names and addresses. */
  readonly hostNames: readonly string[];
}

/** What the API server shows to its clients. */
export function apiServerCertificate(options: ServingOptions): CertificateSpec {
  const inCluster = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const names = [
    ...inCluster,
    `kubernetes.default.svc.${options.clusterDomain}`,
    ...loopbackNames,
    options.serviceAddress,
    ...options.hostNames,
  ];
  return {
    file: 'apiserver',
    authority: 'cluster',
    commonName: 'kube-apiserver',
    organizations: [],
    subjectAlternativeNames: [...new Set(names)],
    usages: ['serverAuth'],
  };
}

/** What the etcd face shows to its clients; also a client's, as etcd's gateway wants it. */
export function etcdServerCertificate(hostNames: readonly string[]): CertificateSpec {
  return {
    file: 'etcd/server',
    authority: 'etcd',
    commonName: 'etcd-server',
    organizations: [],
    subjectAlternativeNames: [...new Set([...loopbackNames, ...hostNames])],
    usages: ['serverAuth', 'clientAuth'],
  };
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'];
