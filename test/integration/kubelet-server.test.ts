import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { startHostContainers, type HostContainers } from '../support/host-containers.ts';
import { makePki, startTestKubelet, type TestKubelet, type TestPki } from '../support/kubelet.ts';
import { clientCertificates } from '#main/clusters/certificates.ts';
import type { KeyPair } from '#main/clusters/pki.ts';
import { createSecurity } from '#main/control-plane/security.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import type { Pod } from '#shared/api/types/core-v1.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** What an upstream kubelet answered, as observed. */
interface Observed {
  readonly method: string;
  readonly path: string;
  readonly note?: string;
  readonly status: number;
  readonly type?: string;
  readonly location?: string;
  readonly body?: string;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(`test/data/kubelet/${name}.json`, 'utf8'));
const observed = read('http') as readonly Observed[];

const web = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'default',
    name: 'web',
    uid: 'u1',
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
  status: {
    phase: 'Running',
    startTime: '2026-01-01T00:00:00Z',
    containerStatuses: [
      { name: 'c', state: { running: { startedAt: '2026-01-01T00:00:01Z' } }, lastState: {} },
    ],
  },
} as unknown as Pod;

let made: TestPki;
let cluster: TestCluster;
let containers: HostContainers;
let kubelet: TestKubelet;
let admin: KeyPair;
let token: string;

beforeAll(async () => {
  made = await makePki();
  const { pki } = made;
  const clientAuthority = pki.authority('cluster').certificate;
  const serviceAccountKeys = await pki.serviceAccountKey();
  cluster = await startTestCluster({
    security({ objects }) {
      const options = { objects, clock: systemClock, clientAuthority, serviceAccountKeys };
      const { issuer, issueToken: issue, ...security } = createSecurity(options);
      return { ...security, tokens: { issuer, issue } };
    },
  });
  containers = await startHostContainers(join(made.folder, 'logs'), [web]);
  kubelet = await startTestKubelet(cluster, made, containers);
  const line = 'I1121 10:40:50.592759       1 log.go:244] Started UDP server on port  8081';
  containers.writeLog('u1', 'c', ['I1121 first', line]);
  admin = await pki.certificate(clientCertificates.apiServerKubeletClient);
  const key = { namespace: 'default', name: 'default' };
  await cluster.admin.create(serviceAccounts, { metadata: key });
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const issued = await cluster.admin.post(serviceAccounts, { ...key, subresource: 'token' }, asked);
  ({ token } = (issued as { status: { token: string } }).status);
});

afterAll(async () => {
  await kubelet[Symbol.asyncDispose]();
  await containers[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  made[Symbol.dispose]();
});

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly location: string | undefined;
  readonly body: string;
}

async function ask(
  path: string,
  { method = 'GET', note }: { readonly method?: string; readonly note?: string } = {},
): Promise<Answer> {
  const bearer = note === 'wrong token' ? 'wrong' : note?.startsWith('token') ? token : undefined;
  const isNobody = bearer !== undefined || note === 'no certificate';
  const call = request({
    host: '127.0.0.1',
    port: kubelet.port,
    method,
    path,
    ca: made.pki.authority('cluster').certificate,
    agent: false,
    ...(!isNobody && { cert: admin.certificate, key: admin.key }),
    headers: bearer === undefined ? {} : { authorization: `Bearer ${bearer}` },
  });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const { statusCode: status = 0, headers } = response;
  return {
    status,
    type: headers['content-type'],
    location: headers.location,
    body: await text(response),
  };
}

describe('what upstream answers is answered', () => {
  test.each(
    observed.map((each) => [`${each.method} ${each.path} ${each.note ?? ''}`, each] as const),
  )('%s', async (_name, { method, path, note, status, type, location, body }) => {
    const answer = await ask(path, { method, ...(note && { note }) });
    expect({ ...answer, ...(body === undefined && { body }) }).toEqual({
      status,
      type,
      location,
      body,
    });
  });
});

test('GET /pods lists the pods with their status', async () => {
  const { body } = await ask('/pods');
  expect(JSON.parse(body)).toEqual({
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: {},
    items: [web],
  });
});

test.each([
  ['timestamps=true&tailLines=2&limitBytes=42', '2026-01-01T00:00:00.000000001Z I1121 first'],
  ['tailLines=0', ''],
  ['sinceTime=2026-01-01T00:00:01Z&limitBytes=26', 'I1121 10:40:50.592759     '],
  ['stream=Stderr', ''],
])('a log is read with %s', async (query, expected) => {
  const { body } = await ask(`/containerLogs/default/web/c?${query}`);
  expect(body.trimEnd()).toBe(expected.trimEnd());
});

/** The names in it, and of lists those of their first item. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}

interface Usage {
  readonly statsSummaryKeys: object;
  readonly statsSummaryOnlyCpuMemKeys: object;
  readonly metricsResource: Readonly<Record<string, { labels: string[]; timestamp: boolean }>>;
  readonly metricsCadvisorNames: readonly string[];
  readonly metricsKubeletNames: readonly string[];
}

const usage = read('usage') as Usage;

/** What is in one and not in the other, by path. */
function* missing(wanted: unknown, given: unknown, path = ''): Iterable<string> {
  if (Array.isArray(wanted)) {
    yield* missing(wanted[0], (given as unknown[])[0], `${path}[]`);
    return;
  }
  if (typeof wanted !== 'object' || wanted === null) return;
  for (const [key, each] of Object.entries(wanted)) {
    const found = (given as Record<string, unknown> | undefined)?.[key];
    if (found === undefined) yield `${path}.${key}`;
    else yield* missing(each, found, `${path}.${key}`);
  }
}

test('/stats/summary says nothing that upstream does not say, and lacks what is listed', async () => {
  const { body } = await ask('/stats/summary');
  const shape = shapeOf(JSON.parse(body));
  expect([...missing(shape, usage.statsSummaryKeys)]).toEqual([]);
  const lacks = [...missing(usage.statsSummaryKeys, shape)].filter(
    (path) => !path.endsWith('.psi'),
  );
  expect(lacks).toEqual([
    '.node.systemContainers',
    '.node.cpu.usageNanoCores',
    '.node.io',
    '.pods[].containers[].cpu.usageNanoCores',
    '.pods[].containers[].memory.availableBytes',
    '.pods[].containers[].io',
    '.pods[].io',
    '.pods[].network',
  ]);
});

test('/metrics/resource has names and labels as upstream', async () => {
  const { body } = await ask('/metrics/resource');
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) {
    const [, name = '', labels = '', time] = /^(\w+)(?:\{(.*)\})? \S+( \d+)?$/.exec(line) ?? [];
    const { [name]: known } = usage.metricsResource;
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label);
    expect({ name, labels: names, timestamp: time !== undefined }).toEqual({
      name,
      labels: known?.labels,
      timestamp: known?.timestamp,
    });
  }
  const cpu = 'container_cpu_usage_seconds_total{container="c",namespace="default",pod="web"}';
  expect(lines).toContain(`${cpu} 0.042584839 1795257659832`);
  const memory = 'container_memory_working_set_bytes{container="c",namespace="default",pod="web"}';
  expect(lines).toContain(`${memory} 8.99072e+06 1795257659832`);
});

test.each(['cadvisor', ''])(
  '/metrics/%s uses no names that upstream does not use',
  async (path) => {
    const { body } = await ask(path ? `/metrics/${path}` : '/metrics');
    const names = [...body.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name);
    const known = [...usage.metricsCadvisorNames, ...usage.metricsKubeletNames];
    const standard = ['process_start_time_seconds', 'container_scrape_error'];
    expect(names.filter((name) => ![...known, ...standard].includes(name!))).toEqual([]);
    expect(names.length).toBeGreaterThan(4);
  },
);
