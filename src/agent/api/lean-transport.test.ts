import { expect, test } from 'vitest';
import { nodes, pods, services } from '#agent/api/resources.ts';
import type { Transport, WatchEvent } from '#shared/client/transport.ts';
import type { KubeObject } from '#shared/kube/object.ts';
import type { Resource } from '#shared/kube/resource.ts';
import { createLeanTransport } from './lean-transport.ts';

const managed = {
  managedFields: [{ manager: 'm', operation: 'Update', fieldsV1: {} }],
};
const meta = { name: 'a', uid: 'u', resourceVersion: '7', labels: { app: 'a' } };

async function listed(resource: Resource, object: object): Promise<KubeObject> {
  const list = { apiVersion: 'v1', kind: 'List', metadata: {}, items: [object] };
  const event = { type: 'MODIFIED', object } as WatchEvent;
  const whole: Transport = {
    request: async () => list,
    async *watch() {
      yield [event];
    },
  };
  const lean = createLeanTransport(whole, 'here');
  const answer = (await lean.request({ verb: 'list', resource })) as { items: KubeObject[] };
  for await (const [seen] of lean.watch({ resource }))
    expect(seen).toEqual({ type: 'MODIFIED', object: answer.items[0] });
  return answer.items[0]!;
}

const podOn = (nodeName: string) => ({
  metadata: { ...meta, namespace: 'n', annotations: { a: 'b' }, ...managed },
  spec: {
    nodeName,
    containers: [{ name: 'c', image: 'i', env: [], ports: [{ containerPort: 1 }], resources: {} }],
    initContainers: [{ name: 's', image: 'i', restartPolicy: 'Always', resources: {} }],
    volumes: [],
  },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], conditions: [] },
});

test('of another node’s pod that is left which decides about its connections', async () => {
  expect(await listed(pods, podOn('there'))).toEqual({
    metadata: { ...meta, namespace: 'n' },
    spec: {
      nodeName: 'there',
      containers: [{ name: 'c', ports: [{ containerPort: 1 }], resources: {} }],
      initContainers: [{ name: 's', restartPolicy: 'Always', resources: {} }],
    },
    status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
  });
});

test('of another node that is left which leads to its pods', async () => {
  const node = {
    metadata: { ...meta, ...managed },
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'], taints: [] },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }], images: [] },
  };
  expect(await listed(nodes, node)).toEqual({
    metadata: meta,
    spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  });
});

test('what is this node’s own, and any other kind, is whole but for who set which field', async () => {
  const { managedFields: _, ...metadata } = podOn('here').metadata;
  expect(await listed(pods, podOn('here'))).toEqual({ ...podOn('here'), metadata });
  const service = { metadata: { ...meta, ...managed }, spec: { ports: [] } };
  expect(await listed(services, service)).toEqual({ metadata: meta, spec: { ports: [] } });
});
