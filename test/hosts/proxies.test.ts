import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { validatingWebhookConfigurations } from '#shared/api/admissionregistration/validating-webhook-configuration.ts';
import { apiServices } from '#shared/api/apiregistration/api-service.ts';
import { pods } from '#shared/api/core/pod.ts';
import { secrets } from '#shared/api/core/secret.ts';
import { services } from '#shared/api/core/service.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import type { New } from '#shared/kube/object.ts';
import type { Host } from '../support/hosts/host.ts';
import { startNodeCluster, type NodeCluster } from '../support/hosts/node-cluster.ts';
import { busyboxImage } from '../support/kubelet/images.ts';
import { makeCertificate, type MadeCertificate } from '../support/webhook-server.ts';

/** What the API server passes on to nodes, pods and services, and asks of them, through the tunnels. */

const minutes = 60_000;
const slow = { timeout: minutes, interval: 250 };
vi.setConfig({ testTimeout: 3 * minutes });
const namespace = 'default';
const group = 'stuff.test';

let nodes: NodeCluster;
let first: Host;
let second: Host;
let certificate: MadeCertificate;

beforeAll(async () => {
  nodes = await startNodeCluster({ machines: 2 });
  [first, second] = nodes.machines as [Host, Host];
  certificate = makeCertificate(['hook.default.svc']);
  await nodes.cluster.create(pods, web());
  await serviceFor('web', [{ name: 'http', port: 80, targetPort: 'http' }]);
  await nodes.cluster.create(secrets, {
    metadata: { name: 'hook', namespace },
    stringData: { CERT: certificate.certificate, KEY: certificate.key },
  });
  await nodes.cluster.create(pods, hook());
  await serviceFor('hook', [{ name: 'https', port: 443, targetPort: 8443 }]);
}, 10 * minutes);
afterAll(() => nodes?.[Symbol.asyncDispose]());

const serve = 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 8080 -h /www';

function web(): New<Pod> {
  const ports = [{ name: 'http', containerPort: 8080 }];
  const container = { name: 'web', image: busyboxImage, resources: {}, ports };
  return {
    metadata: { name: 'web', namespace, labels: { app: 'web' } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': second.name },
      terminationGracePeriodSeconds: 1,
      containers: [{ ...container, command: ['sh', '-c', serve] }],
    },
  };
}

/** A webhook that takes nothing forbidden, and an API server of one kind. */
const program = `
const list = { kind: 'APIResourceList', groupVersion: '${group}/v1', resources: [
  { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['list'] } ] };
const answers = {
  '/healthz': () => 'fine',
  '/apis/${group}/v1': () => list,
  '/apis/${group}/v1/namespaces/default/things': (_, headers) =>
    ({ kind: 'ThingList', apiVersion: '${group}/v1', items: [], user: headers['x-remote-user'] }),
  '/validate': ({ request: { uid, object } }) => ({
    apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview',
    response: { uid, allowed: !object.data?.forbidden, status: { message: 'that is forbidden' } } }),
};
const { CERT: cert, KEY: key } = process.env;
require('https').createServer({ cert, key }, async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  const answer = answers[new URL(request.url, 'https://x').pathname];
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer?.(text && JSON.parse(text), request.headers) ?? 'no'));
}).listen(8443);
`;

/** The agent's own Node, for no other program at hand serves TLS: the machine's files, the pod's network. */
function hook(): New<Pod> {
  const node = ['chroot', '/host', '/opt/pilothouse/current/bin/node', '-e', program];
  return {
    metadata: { name: 'hook', namespace, labels: { app: 'hook' } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': first.name },
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'hook',
          image: busyboxImage,
          resources: {},
          command: node,
          envFrom: [{ secretRef: { name: 'hook' } }],
          readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'host', mountPath: '/host' }],
        },
      ],
      volumes: [{ name: 'host', hostPath: { path: '/' } }],
    },
  };
}

async function serviceFor(
  app: string,
  ports: readonly { name: string; port: number; targetPort: number | string }[],
): Promise<void> {
  await nodes.cluster.create(services, {
    metadata: { name: app, namespace },
    spec: { selector: { app }, ports },
  });
}

async function raw(path: string): Promise<string> {
  const { stdout, stderr } = await nodes.kubectl(['get', '--raw', path]);
  return stdout || stderr;
}

const inNamespace = `/api/v1/namespaces/${namespace}`;

test.each([
  ['a pod', 'pods/web/proxy/'],
  ['a pod at a port', 'pods/web:8080/proxy/index.html'],
  ['a pod by scheme and port', 'pods/http:web:8080/proxy/'],
  ['a service at a port', 'services/web:80/proxy/'],
  ['a service at a port by name', 'services/http:web:http/proxy/index.html'],
])('%s is asked: %s', async (_, path) => {
  await expect.poll(() => raw(`${inNamespace}/${path}`), slow).toBe('served\n');
});

test('a port that has a name is not found without it', async () => {
  const none = 'Error from server (ServiceUnavailable): no endpoints available for service "web"\n';
  await expect.poll(() => raw(`${inNamespace}/services/web/proxy/`), slow).toBe(none);
});

test('a service that speaks TLS is asked', async () => {
  const path = `${inNamespace}/services/https:hook:https/proxy/healthz`;
  await expect.poll(() => raw(path), slow).toBe('"fine"');
});

test('both kubelets are asked for their pods, figures and health', async () => {
  for (const { name } of nodes.machines) {
    const proxy = `/api/v1/nodes/${name}/proxy`;
    expect(await raw(`${proxy}/healthz`)).toBe('ok');
    expect(await raw(`/api/v1/nodes/${name}:10250/proxy/healthz`)).toBe('ok');
    const pod = name === second.name ? 'web' : 'hook';
    const { items } = JSON.parse(await raw(`${proxy}/pods`)) as { items: Pod[] };
    expect(items.map(({ metadata }) => metadata.name)).toContain(pod);
    const measured = async (): Promise<string[]> => {
      const summary = JSON.parse(await raw(`${proxy}/stats/summary`)) as {
        readonly node: { readonly memory: { readonly availableBytes: number } };
        readonly pods: readonly { readonly podRef: { readonly name: string } }[];
      };
      expect(summary.node.memory.availableBytes).toBeGreaterThan(0);
      return summary.pods.map(({ podRef }) => podRef.name);
    };
    await expect.poll(measured, slow).toContain(pod);
    await expect
      .poll(() => raw(`${proxy}/metrics/resource`), slow)
      .toMatch(
        new RegExp(`^container_memory_working_set_bytes\\{container="${pod}",.*\\} [1-9]`, 'm'),
      );
  }
});

test('a port of this machine leads to a service', async () => {
  const args = ['--kubeconfig', nodes.plane().kubeconfig, 'port-forward', 'svc/web', ':80'];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const local = /127\.0\.0\.1:(\d+)/.exec(String(line))?.[1];
    const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${local}/`)).text();
    expect(await Promise.all([get(), get()])).toEqual(['served\n', 'served\n']);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});

test(
  'a static pod is read by its mirror',
  async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'static', namespace },
      spec: {
        containers: [
          { name: 'c', image: busyboxImage, command: ['sh', '-c', 'echo said; sleep 9999'] },
        ],
      },
    };
    const file = '/var/lib/kubelet/manifests/static.json';
    await writeFile(first.path(file), JSON.stringify(manifest));
    const logs = async (): Promise<string> =>
      (await nodes.kubectl(['logs', `static-${first.name}`])).stdout;
    await expect.poll(logs, slow).toBe('said\n');
    await first.run(`rm ${file}`);
  },
  3 * minutes,
);

test('a webhook in a pod decides what is admitted', async () => {
  const { cluster, kubectl } = nodes;
  await cluster.create(validatingWebhookConfigurations, {
    metadata: { name: 'hook' },
    webhooks: [
      {
        name: 'hook.default.svc',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          caBundle: certificate.caBundle,
          service: { namespace, name: 'hook', path: '/validate', port: 443 },
        },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['configmaps'],
          },
        ],
      },
    ],
  });
  const create = (name: string, key: string) =>
    kubectl(['create', 'configmap', name, `--from-literal=${key}=1`]);
  await expect
    .poll(async () => (await create('bad', 'forbidden')).stderr, slow)
    .toContain('admission webhook "hook.default.svc" denied the request: that is forbidden');
  expect(await create('good', 'allowed')).toMatchObject({ code: 0 });
});

test(
  'an API server in a pod is part of the API',
  async () => {
    const name = `v1.${group}`;
    await nodes.cluster.create(apiServices, {
      metadata: { name },
      spec: {
        group,
        version: 'v1',
        groupPriorityMinimum: 1000,
        versionPriority: 10,
        caBundle: certificate.caBundle,
        service: { namespace, name: 'hook', port: 443 },
      },
    });
    const available = async (): Promise<string | undefined> =>
      (await nodes.cluster.get(apiServices, { name })).status.conditions?.find(
        ({ type }) => type === 'Available',
      )?.status;
    await expect.poll(available, slow).toBe('True');
    const listed = async (): Promise<unknown> =>
      JSON.parse(await raw(`/apis/${group}/v1/namespaces/default/things`)) as unknown;
    expect(await listed()).toMatchObject({ kind: 'ThingList', user: 'kubernetes-admin' });
    await expect
      .poll(
        async () => (await nodes.kubectl(['api-resources', `--api-group=${group}`])).stdout,
        slow,
      )
      .toContain('Thing');
  },
  3 * minutes,
);
