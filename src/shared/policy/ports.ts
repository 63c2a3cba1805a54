import type { ContainerPort, Pod } from '#shared/api/types/core-v1.ts';
import type { NetworkPolicyPort } from '#shared/api/types/networking-v1.ts';

export const protocols = ['TCP', 'UDP', 'SCTP'] as const;

export type Protocol = (typeof protocols)[number];

/** All ports of one protocol from `from` to `to`, both included. */
export interface PortRange {
  readonly protocol: Protocol;
  readonly from: number;
  readonly to: number;
}

/** What one entry of a rule's `ports` lets through; a name means what the receiving pod calls so. */
export type PortMatch = PortRange | { readonly protocol: Protocol; readonly name: string };

export const firstPort = 1;
export const lastPort = 65_535;

export const everyPort: readonly PortRange[] = protocols.map((protocol) => ({
  protocol,
  from: firstPort,
  to: lastPort,
}));

/** No protocol means TCP, no port all ports of the protocol, as the API documents. */
export function portMatchOf({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): PortMatch {
  const of = protocol as Protocol;
  if (typeof port === 'string') return { protocol: of, name: port };
  if (port === undefined) return { protocol: of, from: firstPort, to: lastPort };
  return { protocol: of, from: port, to: endPort ?? port };
}

/** The ranges that the matches mean for this receiver; names that it does not have mean none. */
export function rangesFor(
  matches: readonly PortMatch[] | undefined,
  receiver: Pod | undefined,
): readonly PortRange[] {
  if (!matches) return everyPort;
  return matches.flatMap((match) => {
    if (!('name' in match)) return match;
    return namedPorts(receiver)
      .filter(({ name, protocol = 'TCP' }) => name === match.name && protocol === match.protocol)
      .map(({ containerPort }) => ({
        protocol: match.protocol,
        from: containerPort,
        to: containerPort,
      }));
  });
}

export function hasPort(ranges: readonly PortRange[], protocol: Protocol, port: number): boolean {
  return ranges.some(
    (range) => range.protocol === protocol && range.from <= port && port <= range.to,
  );
}

/** Sorted, without overlaps, neighbours joined. */
export function joined(ranges: readonly PortRange[]): readonly PortRange[] {
  const result: PortRange[] = [];
  for (const range of ranges.toSorted(byPlace)) {
    const last = result.at(-1);
    if (last?.protocol === range.protocol && range.from <= last.to + 1) {
      result[result.length - 1] = { ...last, to: Math.max(last.to, range.to) };
    } else result.push(range);
  }
  return result;
}

/** What is in both. */
export function intersection(
  a: readonly PortRange[],
  b: readonly PortRange[],
): readonly PortRange[] {
  return joined(
    a.flatMap((one) =>
      b
        .filter(({ protocol }) => protocol === one.protocol)
        .map((other) => ({
          protocol: one.protocol,
          from: Math.max(one.from, other.from),
          to: Math.min(one.to, other.to),
        }))
        .filter(({ from, to }) => from <= to),
    ),
  );
}

/** What is in `a` and not in `b`. */
export function difference(a: readonly PortRange[], b: readonly PortRange[]): readonly PortRange[] {
  return intersection(joined(a), complement(joined(b)));
}

function complement(ranges: readonly PortRange[]): readonly PortRange[] {
  return protocols.flatMap((protocol) => {
    const gaps: PortRange[] = [];
    let next = firstPort;
    for (const { from, to } of ranges.filter((range) => range.protocol === protocol)) {
      if (from > next) gaps.push({ protocol, from: next, to: from - 1 });
      next = to + 1;
    }
    if (next <= lastPort) gaps.push({ protocol, from: next, to: lastPort });
    return gaps;
  });
}

function byPlace(a: PortRange, b: PortRange): number {
  return (
    protocols.indexOf(a.protocol) - protocols.indexOf(b.protocol) || a.from - b.from || a.to - b.to
  );
}

/** Ports of containers and of sidecars: other init containers are gone when traffic comes. */
function namedPorts(pod: Pod | undefined): readonly ContainerPort[] {
  if (!pod) return [];
  const sidecars = (pod.spec.initContainers ?? []).filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  );
  return [...pod.spec.containers, ...sidecars].flatMap(({ ports = [] }) => ports);
}
