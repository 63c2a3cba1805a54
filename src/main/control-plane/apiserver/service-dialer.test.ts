import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MemoryObjectCache } from '../../../../test/support/object-cache.ts';
import type { NodeConnector } from '#main/control-plane/apiserver/node-connector.ts';
import { createServiceDialer } from '#main/control-plane/apiserver/service-dialer.ts';
import { endpointSlices } from '#shared/api/discovery/endpoint-slice.ts';
import { services } from '#shared/api/core/service.ts';
import { systemClock as clock } from '#shared/base/system-clock.ts';
import { ApiError } from '#shared/kube/errors.ts';

function cluster(endpoints: readonly object[]): MemoryObjectCache {
  const objects = new MemoryObjectCache();
  const metadata = { namespace: 'default', name: 'web' };
  objects.put(services, {
    metadata,
    spec: { ports: [{ name: 'https', port: 443, targetPort: 'tls' }] },
  });
  objects.put(endpointSlices, {
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
    endpoints,
  } as never);
  return objects;
}

/** Dials nothing, and says what it was asked for. */
function recorder(unreachable: readonly string[] = []): {
  readonly dialed: string[];
  readonly nodes: NodeConnector;
} {
  const dialed: string[] = [];
  const dial: NodeConnector['dial'] = async (node, { host, port }) => {
    dialed.push(`${node} ${host}:${port}`);
    if (unreachable.includes(node)) throw new ApiError('ServiceUnavailable', `${node} is off`);
    return Readable.from([]) as never;
  };
  return { dialed, nodes: { dial, dialKubelet: (node) => dial(node, none) } };
}

const none = { host: '', port: 0 };
const ready = { addresses: ['10.244.1.5'], nodeName: 'a', conditions: { ready: true } };
const other = { addresses: ['10.244.2.6'], nodeName: 'b', conditions: { ready: true } };
const target = { namespace: 'default', name: 'web', port: 443 };

test("A service's port leads to the port of a ready endpoint, through its node", async () => {
  const { dialed, nodes } = recorder();
  const unready = { ...other, conditions: { ready: false } };
  await createServiceDialer({ objects: cluster([unready, ready]), nodes, clock }).dial(target);
  expect(dialed).toEqual(['a 10.244.1.5:8443']);
});

test('An endpoint that cannot be reached is passed over for one that can', async () => {
  const { dialed, nodes } = recorder(['a']);
  const dialer = createServiceDialer({ objects: cluster([ready, other]), nodes, clock });
  for (let times = 0; times < 20; times++) await dialer.dial(target);
  expect(new Set(dialed)).toEqual(new Set(['a 10.244.1.5:8443', 'b 10.244.2.6:8443']));
  expect(dialed.filter((each) => each.startsWith('b'))).toHaveLength(20);
});

test.each([
  ['no endpoint is ready', { endpoints: [] }, 'no endpoints available for service "web"'],
  ['all nodes are off', { endpoints: [ready], unreachable: ['a'] }, 'a is off'],
  ['the port is not its own', { port: 80 }, 'no service port 80 found for service "web"'],
  ['there is no such service', { name: 'db' }, 'services "db" not found'],
])('Dialing a service fails when %s', async (_when, given, message) => {
  const {
    endpoints = [ready],
    unreachable,
    ...asked
  } = given as {
    endpoints?: object[];
    unreachable?: string[];
  };
  const { nodes } = recorder(unreachable);
  const dialer = createServiceDialer({ objects: cluster(endpoints), nodes, clock });
  await expect(dialer.dial({ ...target, ...asked })).rejects.toThrow(message);
});
