import {
  chooseEndpoints,
  type ChosenEndpoints,
  endpointsOf,
  type Place,
} from '#agent/kube-proxy/endpoints.ts';
import type { CountedService } from '#agent/kube-proxy/endpoint-counts.ts';
import { addServicePort } from '#agent/kube-proxy/service-rules.ts';
import {
  healthCheckPortOf,
  type ServicePort,
  servicePortsOf,
} from '#agent/kube-proxy/service-port.ts';
import { PartBuilder, type TablePart } from '#agent/nftables/part.ts';
import type { Service } from '#shared/api/types/core-v1.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { keyOf } from '#shared/kube/object.ts';

/** All that one service needs on this node. */
export interface ProxiedService {
  readonly rules: TablePart;
  readonly counted: CountedService | undefined;
  /** Its UDP ports with those that may answer there. */
  readonly udp: readonly { readonly port: ServicePort; readonly endpoints: ReadonlySet<string> }[];
}

export interface NodeView extends Place {
  /** The addresses of this node's pods, once it has some. */
  readonly podRange: string | undefined;
}

/** Pure: what a service and its slices mean on this node. */
export function proxied(
  service: Service,
  slices: readonly EndpointSlice[],
  node: NodeView,
): ProxiedService | undefined {
  const ports = servicePortsOf(service);
  if (ports.length === 0) return undefined;
  const rules = new PartBuilder();
  const chosen = ports.map((port): readonly [ServicePort, ChosenEndpoints] => {
    const endpoints = chooseEndpoints(endpointsOf(slices, port, node), node, port);
    addServicePort(port, { part: rules, chosen: endpoints, podRange: node.podRange });
    return [port, endpoints];
  });
  return {
    rules,
    counted: countedOf(service, chosen),
    udp: chosen
      .filter(([{ protocol }]) => protocol === 'udp')
      .map(([port, { cluster, local }]) => ({
        port,
        endpoints: new Set([...cluster, ...local].map((one) => `${one.ip}:${one.port}`)),
      })),
  };
}

function countedOf(
  service: Service,
  chosen: readonly (readonly [ServicePort, ChosenEndpoints])[],
): CountedService | undefined {
  const port = healthCheckPortOf(service);
  if (port === undefined) return undefined;
  const local = new Set(chosen.flatMap(([, { local }]) => local.map(({ ip }) => ip)));
  return { service: keyOf(service.metadata), port, localEndpoints: local.size };
}
