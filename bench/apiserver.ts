// Pod creates over TLS, a long list and many watchers, each a ratio against kube-apiserver 1.36 + etcd
// 3.6 on the same kind of machine. Writes are durable on both sides; both have their default admission.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { admissionPlugins } from '#main/control-plane/apiserver/admission/index.ts';
import { serviceAccounts } from '#shared/api/core/service-account.ts';
import { startTestCluster } from '../test/support/cluster.ts';
import { serveHttps } from '../test/support/https-server.ts';

/** Measured on two cores with the client beside the server; creates per second of processor time. */
const rival = {
  createsPerCoreSecond: 675,
  p99Ms: { 1: 8, 10: 38, 100: 240 } as Readonly<Record<number, number>>,
  /** 0.83 s for 18,210 pods. */
  listOf10kMs: 456,
  /** 10.6 µs to write one event whose encoding is cached. */
  eventsPerCoreSecond: 94_000,
};

const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);
/** Some of creates, list and watches; all unless told. */
const parts = (process.env['BENCH_PARTS'] ?? 'creates,list,watches').split(',');
const podsListed = 10_000;
const watchers = 1_000;
const changes = 100;
const podsPath = '/api/v1/namespaces/default/pods';
let made = 0;

if (process.argv[2] === 'serve') await serve(process.argv[3]!);
else await measure();

async function serve(state: string): Promise<void> {
  const authorizer = {
    name: 'AlwaysAllow',
    authorize: () => ({ verdict: 'Allow', reason: '' }) as const,
  };
  await using cluster = await startTestCluster({
    state,
    security: () => ({ admission: admissionPlugins({ authorizer }) }),
  });
  await cluster.admin.create(serviceAccounts, {
    metadata: { namespace: 'default', name: 'default' },
  });
  await using server = await serveHttps(cluster.server);
  process.send!({ port: server.port, certificate: server.certificate });
  const stopped = Promise.withResolvers<void>();
  process.on('message', (message) => {
    if (message === 'stop') stopped.resolve();
    else process.send!(process.cpuUsage());
  });
  await stopped.promise;
  process.disconnect();
}

interface Server {
  readonly child: ChildProcess;
  readonly session: ClientHttp2Session;
  connect(): Promise<ClientHttp2Session>;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  const execArgv = process.env['BENCH_PROFILE']
    ? ['--cpu-prof', `--cpu-prof-dir=${process.env['BENCH_PROFILE']}`]
    : [];
  const child = fork(import.meta.filename, ['serve', join(folder, 'state.db')], { execArgv });
  try {
    const [{ port, certificate }] = (await once(child, 'message')) as [
      { port: number; certificate: string },
    ];
    const open = async (): Promise<ClientHttp2Session> => {
      const settings = { initialWindowSize: 16 * 1024 * 1024 };
      const session = connect(`https://127.0.0.1:${port}`, { ca: certificate, settings });
      session.setMaxListeners(0);
      await once(session, 'connect');
      session.setLocalWindowSize(64 * 1024 * 1024);
      return session;
    };
    const session = await open();
    const server: Server = { child, session, connect: open };
    await creates(server, 16, 4000); // warm, as a server is that has run for a while
    if (parts.includes('creates')) {
      for (const clients of [1, 10, 100]) await reportCreates(server, clients);
    }
    if (parts.includes('list')) await reportList(server);
    if (parts.includes('watches')) await reportWatchers(server);
    session.destroy();
  } finally {
    child.send('stop');
    await once(child, 'exit');
    rmSync(folder, { recursive: true });
  }
}

async function cpuSeconds({ child }: Server): Promise<number> {
  child.send('usage');
  const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return (user + system) / 1e6;
}

async function reportCreates(server: Server, clients: number): Promise<void> {
  const before = await cpuSeconds(server);
  const { count, elapsedMs, p99Ms } = await creates(server, clients, seconds * 1000);
  const used = (await cpuSeconds(server)) - before;
  const perCore = count / used;
  const theirs = rival.p99Ms[clients]!;
  console.log(
    `creates, ${clients} clients: ${Math.round((count / elapsedMs) * 1000)}/s, ${Math.round(perCore)} per core-second, ratio ${(perCore / rival.createsPerCoreSecond).toFixed(1)} (goal 3); p99 ${p99Ms.toFixed(1)} ms, ratio ${(p99Ms / theirs).toFixed(2)} (goal 0.33)`,
  );
}

async function creates(
  { session }: Server,
  clients: number,
  forMs: number,
): Promise<{ count: number; elapsedMs: number; p99Ms: number }> {
  const started = performance.now();
  const times: number[] = [];
  const one = async (): Promise<void> => {
    while (performance.now() - started < forMs) {
      const at = performance.now();
      await call(session, 'POST', podsPath, pod(made++));
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  times.sort((a, b) => a - b);
  const elapsedMs = performance.now() - started;
  return { count: times.length, elapsedMs, p99Ms: times[Math.floor(times.length * 0.99)]! };
}

async function reportList(server: Server): Promise<void> {
  for (let missing = podsListed - made; missing > 0; missing -= 100) {
    await Promise.all(
      Array.from({ length: 100 }, () => call(server.session, 'POST', podsPath, pod(made++))),
    );
  }
  const times: number[] = [];
  let bytes = 0;
  const lists = 7;
  const before = await cpuSeconds(server);
  for (let i = 0; i < lists; i++) {
    const at = performance.now();
    bytes = await download(server.session, `${podsPath}?limit=${podsListed}`);
    times.push(performance.now() - at);
  }
  const own = (((await cpuSeconds(server)) - before) / lists) * 1000;
  const median = times.sort((a, b) => a - b)[3]!;
  console.log(
    `list of ${podsListed} pods: ${median.toFixed(0)} ms for ${(bytes / 1e6).toFixed(0)} MB, ratio ${(rival.listOf10kMs / median).toFixed(1)} (goal 10); ${own.toFixed(0)} ms of the server's own, ratio ${(rival.listOf10kMs / own).toFixed(1)}`,
  );
}

async function reportWatchers(server: Server): Promise<void> {
  const { session } = server;
  const total = changes * watchers;
  const all = Promise.withResolvers<void>();
  let seen = 0;
  const connections = await Promise.all(Array.from({ length: 10 }, () => server.connect()));
  const streams = Array.from({ length: watchers }, (_, index) => {
    const stream = connections[index % connections.length]!.request({
      ':path': '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=0',
    });
    stream.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 0x0a) seen++;
      if (seen >= total) all.resolve();
    });
    stream.on('error', () => {});
    return stream;
  });
  await Promise.all(streams.map((stream) => once(stream, 'response')));
  const before = await cpuSeconds(server);
  for (let i = 0; i < changes; i++) {
    await call(session, 'POST', '/api/v1/namespaces/default/configmaps', {
      metadata: { generateName: 'c-' },
      data: { text: 'x'.repeat(1000) },
    });
  }
  await all.promise;
  const used = (await cpuSeconds(server)) - before;
  const perCore = total / used;
  console.log(
    `events to ${watchers} watchers: ${Math.round(perCore)} per core-second, ratio ${(perCore / rival.eventsPerCoreSecond).toFixed(1)} (goal 3)`,
  );
  for (const connection of connections) connection.destroy();
}

/** Reads it all and keeps nothing: what a client does with it is not the server's time. */
async function download(session: ClientHttp2Session, path: string): Promise<number> {
  const stream = session.request({ ':path': path });
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(stream, 'end');
  return bytes;
}

function call(
  session: ClientHttp2Session,
  method: string,
  path: string,
  body?: object,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const stream = session.request({
    ':method': method,
    ':path': path,
    ...(body && { 'content-type': 'application/json' }),
  });
  const chunks: Buffer[] = [];
  let status = 0;
  stream.on('response', (headers) => (status = headers[':status'] ?? 0));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', reject);
  stream.on('end', () => {
    const text = Buffer.concat(chunks);
    if (status < 300) resolve(text);
    else reject(new Error(`${method} ${path}: ${status} ${text.toString()}`));
  });
  stream.end(body && JSON.stringify(body));
  return promise;
}

function pod(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${index}`, labels: { app: 'bench', index: String(index) } },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'registry.k8s.io/pause:3.10',
          resources: {
            requests: { cpu: '100m', memory: '500Mi' },
            limits: { cpu: '100m', memory: '500Mi' },
          },
          env: [{ name: 'A', value: 'b' }],
        },
      ],
    },
  };
}
