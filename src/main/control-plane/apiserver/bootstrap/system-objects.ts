import flowControl from '#main/control-plane/apiserver/bootstrap/flow-control.json' with { type: 'json' };
import { isSame } from '#main/control-plane/apiserver/bootstrap/same.ts';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { configMaps } from '#shared/api/core/config-map.ts';
import { endpoints } from '#shared/api/core/endpoints.ts';
import { namespaces } from '#shared/api/core/namespace.ts';
import { services } from '#shared/api/core/service.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { flowSchemas } from '#shared/api/flowcontrol/flow-schema.ts';
import { priorityLevelConfigurations } from '#shared/api/flowcontrol/priority-level-configuration.ts';
import { serviceCidrs } from '#shared/api/networking/service-cidr.ts';
import { priorityClasses } from '#shared/api/scheduling/priority-class.ts';
import type { KubeObject, New } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import type { Condition } from '#shared/kube/types/meta-v1.ts';

export interface ServerSettings {
  /** Where others reach the server: what the service `kubernetes` leads to. Never a loopback address. */
  readonly advertiseAddress: string;
  readonly port: number;
  /** CIDR of the services' addresses, and the first of them: the server's own. */
  readonly serviceRange: string;
  readonly serviceAddress: string;
  /** PEM of who vouches for clients, and for aggregating proxies. */
  readonly clientAuthority: string;
  readonly requestHeaderAuthority: string;
  readonly hostName: string;
}

/** An object that the server makes by itself. */
export interface SystemObject<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly object: New<T> & {
    readonly metadata: { readonly name: string; readonly namespace?: string };
  };
  /** A condition that its status is to have. */
  readonly condition?: Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;
  /** What the server keeps as it should be; the rest is made once and then belongs to whoever edits it. */
  readonly owns?: (found: T) => T | undefined;
  /** The server does without it where it is refused, as when somebody has its address already. */
  readonly isDispensable?: boolean;
}

function systemObject<T extends KubeObject>(definition: SystemObject<T>): SystemObject {
  return definition as unknown as SystemObject;
}

export const systemNamespaces: readonly SystemObject[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'default',
].map((name) => systemObject({ resource: namespaces, object: { metadata: { name } } }));

/** Everything but namespaces, roles and the server's own lease. */
export function systemObjects(settings: ServerSettings, today: string): readonly SystemObject[] {
  return [
    ...kubernetesService(settings),
    serviceCidr(settings),
    ...configuration(settings, today),
    ...priorities,
    ...flowControlObjects,
    ...apiServiceObjects,
  ];
}

function kubernetesService(settings: ServerSettings): SystemObject[] {
  const { advertiseAddress: ip, port, serviceAddress: clusterIP } = settings;
  const home = { name: 'kubernetes', namespace: 'default' };
  const target = { name: 'https', port, protocol: 'TCP' } as const;
  const subsets = [{ addresses: [{ ip }], ports: [target] }];
  const addressType = ip.includes(':') ? 'IPv6' : 'IPv4';
  const ends = [{ addresses: [ip], conditions: { ready: true } }];
  const ports = [{ name: 'https', protocol: 'TCP' as const, port: 443, targetPort: port }];
  return [
    systemObject({
      resource: services,
      object: {
        metadata: { ...home, labels: { component: 'apiserver', provider: 'kubernetes' } },
        spec: {
          ports,
          clusterIP,
          clusterIPs: [clusterIP],
          type: 'ClusterIP',
          sessionAffinity: 'None',
          ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'],
          ipFamilyPolicy: 'SingleStack',
        },
      },
      owns: (found) =>
        found.spec.ports?.length === 1 && found.spec.ports[0]?.targetPort === port
          ? undefined
          : { ...found, spec: { ...found.spec, ports } },
    }),
    systemObject({
      resource: endpoints,
      object: {
        metadata: { ...home, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
        subsets,
      },
      owns: (found) => (isSame(found.subsets, subsets) ? undefined : { ...found, subsets }),
    }),
    systemObject({
      resource: endpointSlices,
      object: {
        metadata: { ...home, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
        addressType,
        endpoints: ends,
        ports: [target],
      },
      owns: (found) =>
        isSame(found.endpoints, ends) && found.ports?.[0]?.port === port
          ? undefined
          : { ...found, endpoints: ends, ports: [target] },
    }),
  ];
}

function serviceCidr({ serviceRange }: ServerSettings): SystemObject {
  return systemObject({
    resource: serviceCidrs,
    object: { metadata: { name: 'kubernetes' }, spec: { cidrs: [serviceRange] } },
    condition: {
      type: 'Ready',
      status: 'True',
      reason: '',
      message: 'Kubernetes default Service CIDR is ready',
    },
  });
}

function configuration(settings: ServerSettings, today: string): SystemObject[] {
  const namespace = 'kube-system';
  const list = (item: string): string => JSON.stringify([item]);
  const authentication = {
    'client-ca-file': settings.clientAuthority,
    'requestheader-allowed-names': list('front-proxy-client'),
    'requestheader-client-ca-file': settings.requestHeaderAuthority,
    'requestheader-extra-headers-prefix': list('X-Remote-Extra-'),
    'requestheader-group-headers': list('X-Remote-Group'),
    'requestheader-username-headers': list('X-Remote-User'),
  };
  return [
    systemObject({
      resource: configMaps,
      object: {
        metadata: { name: 'extension-apiserver-authentication', namespace },
        data: authentication,
      },
      owns: (found) =>
        Object.entries(authentication).every(([key, value]) => found.data?.[key] === value)
          ? undefined
          : { ...found, data: { ...found.data, ...authentication } },
    }),
    systemObject({
      resource: configMaps,
      object: {
        metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace },
        data: { since: today },
      },
    }),
  ];
}

const priorities = [
  [
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
  [
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ],
].map(([name, value, description]) =>
  systemObject({
    resource: priorityClasses,
    object: {
      metadata: { name: name as string },
      value: value as number,
      description: description as string,
      preemptionPolicy: 'PreemptLowerPriority',
    },
  }),
);

const flowAnnotation = 'apf.kubernetes.io/autoupdate-spec';

const flowControlObjects = [
  ...Object.entries(flowControl.priorityLevels).map(([name, spec]) =>
    systemObject({
      resource: priorityLevelConfigurations,
      object: { metadata: { name, annotations: { [flowAnnotation]: 'true' } }, spec },
    }),
  ),
  ...Object.entries(flowControl.flowSchemas).map(([name, spec]) =>
    systemObject({
      resource: flowSchemas,
      object: { metadata: { name, annotations: { [flowAnnotation]: 'true' } }, spec },
      condition: {
        type: 'Dangling',
        status: 'False',
        reason: 'Found',
        message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(spec.priorityLevelConfiguration.name)} and it exists`,
      },
    }),
  ),
];

/** Group, version, priority of the group among groups, of the version within its group. */
const builtInVersions = [
  ['', 'v1', 18000, 1],
  ['admissionregistration.k8s.io', 'v1', 16700, 15],
  ['apiextensions.k8s.io', 'v1', 16700, 15],
  ['apps', 'v1', 17800, 15],
  ['authentication.k8s.io', 'v1', 17700, 15],
  ['authorization.k8s.io', 'v1', 17600, 15],
  ['autoscaling', 'v1', 17500, 15],
  ['autoscaling', 'v2', 17500, 30],
  ['batch', 'v1', 17400, 15],
  ['certificates.k8s.io', 'v1', 17300, 15],
  ['coordination.k8s.io', 'v1', 16500, 15],
  ['discovery.k8s.io', 'v1', 16200, 15],
  ['events.k8s.io', 'v1', 17750, 15],
  ['flowcontrol.apiserver.k8s.io', 'v1', 16100, 21],
  ['networking.k8s.io', 'v1', 17200, 15],
  ['node.k8s.io', 'v1', 16300, 15],
  ['policy', 'v1', 17100, 15],
  ['rbac.authorization.k8s.io', 'v1', 17000, 15],
  ['resource.k8s.io', 'v1', 16200, 21],
  ['scheduling.k8s.io', 'v1', 16600, 15],
  ['storage.k8s.io', 'v1', 16800, 15],
] as const;

const apiServiceObjects = builtInVersions.map(
  ([group, version, groupPriorityMinimum, versionPriority]) =>
    systemObject({
      resource: apiServices,
      object: {
        metadata: {
          name: `${version}.${group}`,
          labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' },
        },
        spec: { ...(group && { group }), version, groupPriorityMinimum, versionPriority },
      },
      condition: {
        type: 'Available',
        status: 'True',
        reason: 'Local',
        message: 'Local APIServices are always available',
      },
    }),
);
