import type {
  ServerSettings,
  SystemObject,
} from '#main/control-plane/apiserver/bootstrap/system-objects.ts';
import { services } from '#shared/api/core/service.ts';
import { clusterRoleBindings } from '#shared/api/rbac/cluster-role-binding.ts';
import { clusterRoles } from '#shared/api/rbac/cluster-role.ts';
import { formatIp, parseIp } from '#shared/kube/ip.ts';

const name = 'pilothouse:node-network';
const read = ['get', 'list', 'watch'];

/** What agents read besides what upstream lets a kubelet read: they are kube-proxy, DNS and policies, too. */
const roleOfNodes: SystemObject = {
  resource: clusterRoles,
  object: {
    metadata: { name },
    rules: [
      { apiGroups: [''], resources: ['namespaces', 'nodes', 'pods', 'services'], verbs: read },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: read },
    ],
  } as SystemObject['object'],
};

const bindingOfNodes: SystemObject = {
  resource: clusterRoleBindings,
  object: {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  } as SystemObject['object'],
};

export function nodeObjects(settings: ServerSettings): readonly SystemObject[] {
  return [roleOfNodes, bindingOfNodes, dnsService(settings)];
}

/**
 * The cluster's DNS by the name and address that clients expect. It has no endpoints: every node
 * answers at that address itself. A cluster that runs a DNS of its own may change or replace it.
 */
function dnsService({ serviceAddress }: ServerSettings): SystemObject {
  const bytes = parseIp(serviceAddress)?.bytes ?? [];
  const clusterIP = formatIp({ bytes: [...bytes.slice(0, -1), bytes.at(-1)! + 9] });
  return {
    resource: services,
    object: {
      metadata: {
        name: 'kube-dns',
        namespace: 'kube-system',
        labels: {
          'k8s-app': 'kube-dns',
          'kubernetes.io/cluster-service': 'true',
          'kubernetes.io/name': 'CoreDNS',
        },
      },
      spec: {
        clusterIP,
        clusterIPs: [clusterIP],
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
        ],
      },
    } as SystemObject['object'],
    isDispensable: true,
  };
}
