import type { Service } from '#shared/api/types/core-v1.ts';

/**
 * The variables that tell a container of services, in docker's old way: those of its namespace if
 * links are wanted, and always the API's own.
 */
export function serviceVariables(
  services: Iterable<Service>,
  { namespace, links }: { readonly namespace: string; readonly links: boolean },
): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const { metadata, spec } = service;
    if (!spec.clusterIP || spec.clusterIP === 'None') continue;
    const isMaster = metadata.namespace === 'default' && metadata.name === 'kubernetes';
    const isOwn = metadata.namespace === namespace && links;
    if (isOwn || (isMaster && !chosen.has(metadata.name))) chosen.set(metadata.name, service);
  }
  const variables = new Map<string, string>();
  for (const service of chosen.values())
    for (const [name, value] of variablesOf(service)) variables.set(name, value);
  return variables;
}

function* variablesOf({ metadata, spec }: Service): Generator<[string, string]> {
  const ports = spec.ports ?? [];
  const [first] = ports;
  if (!first) return;
  const prefix = variableName(metadata.name);
  const address = spec.clusterIP ?? '';
  yield [`${prefix}_SERVICE_HOST`, address];
  yield [`${prefix}_SERVICE_PORT`, String(first.port)];
  for (const { name, port } of ports)
    if (name) yield [`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port)];
  const host = address.includes(':') ? `[${address}]` : address;
  for (const [at, { port, protocol = 'TCP' }] of ports.entries()) {
    const lower = protocol.toLowerCase();
    const url = `${lower}://${host}:${port}`;
    if (at === 0) yield [`${prefix}_PORT`, url];
    const portPrefix = `${prefix}_PORT_${port}_${protocol}`;
    yield [portPrefix, url];
    yield [`${portPrefix}_PROTO`, lower];
    yield [`${portPrefix}_PORT`, String(port)];
    yield [`${portPrefix}_ADDR`, address];
  }
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
