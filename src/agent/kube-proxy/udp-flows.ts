import type { RunProgram } from '#agent/nftables/program.ts';

/** Where clients send datagrams, and who may answer them there. */
export interface UdpFrontends {
  /** `ip:port` of each endpoint, by `ip:port` of the service. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<string>>;
  /** The same by node port. */
  readonly nodePorts: ReadonlyMap<string, ReadonlySet<string>>;
  readonly nodeAddress: string;
}

/** One flow that the kernel remembers: who asked where, and who answers. */
interface Flow {
  readonly source: string;
  readonly sourcePort: string;
  readonly to: string;
  readonly toPort: string;
  readonly answering: string;
}

const half = String.raw`src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)`;
const flowLine = new RegExp(`${half}.*?${half}`);

/**
 * Has the kernel forget UDP flows that lead to an endpoint that is gone, or nowhere though there is
 * one now. Without it a client that keeps its port would send into the void for ever; TCP clients see
 * a reset instead.
 */
export async function forgetStaleFlows(run: RunProgram, frontends: UdpFrontends): Promise<number> {
  const listed = await run('conntrack', ['-L', '-p', 'udp', '-f', 'ipv4']);
  const stale = flowsIn(listed).filter((flow) => isStale(flow, frontends));
  for (const { source, sourcePort, to, toPort } of stale) {
    const flow = ['-s', source, '-d', to, '--sport', sourcePort, '--dport', toPort];
    // One that has run out meanwhile is what was wanted.
    await run('conntrack', ['-D', '-p', 'udp', ...flow]).catch((error: Error) => {
      if (!error.message.includes('0 flow entries')) throw error;
    });
  }
  return stale.length;
}

function isStale({ to, toPort, answering }: Flow, frontends: UdpFrontends): boolean {
  const endpoints =
    frontends.addresses.get(`${to}:${toPort}`) ??
    (to === frontends.nodeAddress ? frontends.nodePorts.get(toPort) : undefined);
  return endpoints !== undefined && !endpoints.has(answering);
}

function flowsIn(listed: string): readonly Flow[] {
  return listed.split('\n').flatMap((line) => {
    const [, source, to, sourcePort, toPort, answerer, , answererPort] = flowLine.exec(line) ?? [];
    if (source === undefined) return [];
    return {
      source,
      sourcePort: sourcePort!,
      to: to!,
      toPort: toPort!,
      answering: `${answerer}:${answererPort}`,
    };
  });
}
