import { readFileSync } from 'node:fs';
import { decode, encode, type Packet } from 'dns-packet';
import { expect, test } from 'vitest';
import type { ClusterView } from '#agent/dns/cluster-names.ts';
import { Forwarder } from '#agent/dns/forwarder.ts';
import { listen } from '#agent/dns/listener.ts';
import { Responder } from '#agent/dns/responder.ts';
import type { EndpointSlice } from '#shared/api/types/discovery-v1.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { asRecorded, expected, question } from '../../../test/network/dns-answers.ts';
import { namedWorld, type ObservedQuery, unmasked } from '../../../test/network/named-world.ts';

const { queries } = JSON.parse(readFileSync('test/data/network/dns.json', 'utf8')) as {
  queries: readonly ObservedQuery[];
};
const world = namedWorld();

function viewOf(more: readonly EndpointSlice[] = []): ClusterView {
  const slices = [...world.endpointslices, ...more];
  return {
    service: (key) =>
      world.services.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key),
    slices: (key) =>
      slices.filter(
        ({ metadata }) =>
          `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}` === key,
      ),
    hasNamespace: (name) => world.namespaces.some(({ metadata }) => metadata.name === name),
    servicesAt: (ip) => world.services.filter(({ spec }) => spec.clusterIP === ip),
    slicesAt: (ip) =>
      slices.filter(({ endpoints }) => endpoints.some(({ addresses }) => addresses.includes(ip))),
  };
}

function responder({
  servers = [],
  port = 53,
  isReady = true,
  slices = [],
}: {
  servers?: readonly string[];
  port?: number;
  isReady?: boolean;
  slices?: readonly EndpointSlice[];
} = {}): Responder {
  return new Responder({
    context: { view: viewOf(slices), zone: 'cluster.local', serverIp: '10.96.0.10' },
    ownRanges: ['10.96.0.0/16', '10.244.0.0/16'],
    forwarder: new Forwarder({
      resolvers: { servers: async () => servers },
      clock: systemClock,
      port,
    }),
    isReady: () => isReady,
    clock: systemClock,
  });
}

test.each(queries)('$q $type is answered as by CoreDNS', async (one) => {
  const reply = await responder().answer(question(unmasked(one.q), one.type), 'udp');
  expect(asRecorded(reply!)).toEqual(expected(one));
});

test('what is no query gets no answer; what cannot be understood is refused', async () => {
  const good = question('plain.dns.svc.cluster.local', 'A');
  const code = (reply: Buffer | undefined): number | undefined => reply && reply[3]! & 15;
  expect(await responder().answer(Buffer.from('short'), 'udp')).toBeUndefined();
  const reply = Buffer.from(good);
  reply[2]! |= 0x80;
  expect(await responder().answer(reply, 'udp')).toBeUndefined();
  const update = Buffer.from(good);
  update[2]! |= 5 << 3;
  expect(code(await responder().answer(update, 'udp'))).toBe(4);
  expect(code(await responder().answer(good.subarray(0, 20), 'udp'))).toBe(1);
});

test('before the cluster has been seen, its names are not said to be absent', async () => {
  const asked = question('none.dns.svc.cluster.local', 'A');
  expect(asRecorded((await responder({ isReady: false }).answer(asked, 'udp'))!)).toMatchObject({
    rcode: 'SERVFAIL',
  });
});

const crowd = {
  metadata: { namespace: 'dns', name: 'crowd', labels: { 'kubernetes.io/service-name': 'head' } },
  addressType: 'IPv4',
  endpoints: Array.from({ length: 100 }, (_, index) => ({
    addresses: [`10.244.9.${index}`],
    conditions: { ready: true },
  })),
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
} as unknown as EndpointSlice;

test.each([
  ['512 bytes without an extension', undefined, 512],
  ['what the extension allows', 1232, 1232],
])(
  'a datagram holds %s, says that there is more, and a stream brings it',
  async (_, size, limit) => {
    const name = 'head.dns.svc.cluster.local';
    const asked: Packet = { type: 'query', id: 1, questions: [{ name, type: 'A' }] };
    if (size !== undefined) {
      asked.additionals = [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: size,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
      ];
    }
    const server = responder({ slices: [crowd] });
    const cut = (await server.answer(encode(asked), 'udp'))!;
    const { answers: some = [], flag_tc: isCut } = decode(cut);
    expect(isCut).toBe(true);
    expect(cut.length).toBeLessThanOrEqual(limit);
    // 16 bytes each, thanks to names that point at the question's.
    expect(some.length).toBeGreaterThan((limit - 100) / 20);
    const { answers: all = [], flag_tc: isStillCut } = decode(
      (await server.answer(encode(asked), 'tcp'))!,
    );
    expect([all.length, isStillCut]).toEqual([102, false]);
  },
);

test('other names go to the node’s servers, once for many who ask, and are remembered', async () => {
  let count = 0;
  const upstream = {
    async answer(message: Buffer): Promise<Buffer> {
      count++;
      const { id = 0, questions = [] } = decode(message);
      const name = questions[0]!.name;
      const answers = name.startsWith('gone')
        ? []
        : [{ name, type: 'A' as const, ttl: 20, data: '192.0.2.7' }];
      return encode({ type: 'response', id, flags: 1 << 7, questions, answers });
    },
  } as unknown as Responder;
  const port = 20_000 + (process.pid % 10_000);
  const parts = { responder: upstream, clock: systemClock, log: silentLog };
  await using _ = await listen({ address: '127.0.0.1', port, ...parts });
  // Nobody is there at the first one.
  const server = responder({ servers: ['127.0.0.2', '127.0.0.1'], port });
  const ask = async (name: string, type = 'A'): Promise<unknown> =>
    asRecorded((await server.answer(question(name, type), 'udp'))!);
  const answered = { rcode: 'NOERROR', ra: true, answer: ['www.example.com. 20 A 192.0.2.7'] };
  const both = await Promise.all([ask('www.example.com'), ask('www.example.com')]);
  expect(both).toMatchObject([answered, answered]);
  expect(await ask('www.example.com')).toMatchObject({ rcode: 'NOERROR' });
  expect(count).toBe(1);
  expect(await ask('ext.dns.svc.cluster.local')).toMatchObject({
    aa: true,
    answer: [
      'ext.dns.svc.cluster.local. 5 CNAME target.example.com.',
      'target.example.com. 20 A 192.0.2.7',
    ],
  });
  expect(await ask('8.8.8.8.in-addr.arpa', 'PTR')).toMatchObject({ aa: false, rcode: 'NOERROR' });
  expect(await ask('8.8.244.10.in-addr.arpa', 'PTR')).toMatchObject({
    aa: true,
    rcode: 'NXDOMAIN',
  });
});
