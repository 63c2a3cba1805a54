// Durable writes of 1 KB: our store and a real etcd on the same disk, per second of processor time.
// In process ours is called directly; through gRPC both are called by the same client.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { startEtcdFace } from '#main/control-plane/etcd/grpc/face.ts';
import { putRequest } from '#main/control-plane/etcd/grpc/messages.ts';
import { encode } from '#main/control-plane/etcd/grpc/protobuf.ts';
import { frame, framePrefixBytes } from '#main/control-plane/etcd/grpc/frames.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { startRealEtcd } from '../test/support/etcd.ts';

const value = Buffer.alloc(1024, 'v');
const crowds = [1, 16, 128];
const seconds = Number(process.env['BENCH_SECONDS'] ?? 3);

interface Figure {
  readonly perSecond: number;
  readonly perCoreSecond: number;
}

if (process.argv[2] === 'serve') await serve(process.argv[3]!);
else await compare();

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pilothouse-bench-'));
  try {
    const ours = await inProcess(join(folder, 'state.db'));
    const throughUs = await throughOurGrpc(join(folder, 'grpc.db'));
    const throughEtcd = await throughRealEtcd(join(folder, 'etcd'));
    for (const [i, writers] of crowds.entries()) {
      const [own, us, them] = [ours[i]!, throughUs[i]!, throughEtcd[i]!];
      const direct = own.perCoreSecond / them.perCoreSecond;
      console.log(
        [
          `${writers} writers:`,
          `in process ${show(own)}, through gRPC ${show(us)}, etcd ${show(them)};`,
          `ratio per core ${direct.toFixed(1)} in process (goal 10),`,
          `${(us.perCoreSecond / them.perCoreSecond).toFixed(2)} through gRPC;`,
          `ratio of writes per second through gRPC ${(us.perSecond / them.perSecond).toFixed(2)} (goal 1)`,
        ].join(' '),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function show({ perSecond, perCoreSecond }: Figure): string {
  return `${Math.round(perSecond)}/s (${Math.round(perCoreSecond)} per core-second)`;
}

async function inProcess(path: string): Promise<Figure[]> {
  await using store = await openEmbeddedStore({ path, clock: systemClock, log: silentLog });
  const figures: Figure[] = [];
  for (const writers of crowds) {
    const cpu = (): number => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    };
    // What the API server does: create with the expectation that there is nothing yet, or update.
    const revisions = new Map<string, number>();
    const write = async (key: string): Promise<void> => {
      const { revision } = await store.txn({
        compare: [{ key, target: 'mod', result: '=', value: revisions.get(key) ?? 0 }],
        success: [{ type: 'put', key, value }],
        failure: [{ type: 'range', key }],
      });
      revisions.set(key, revision);
    };
    figures.push(await measure(writers, write, cpu));
    await store.compact(store.revision);
  }
  return figures;
}

async function throughOurGrpc(path: string): Promise<Figure[]> {
  const child = fork(import.meta.filename, ['serve', path], { execArgv: [] });
  const [port] = (await once(child, 'message')) as [number];
  try {
    return await throughGrpc(`127.0.0.1:${port}`, child.pid!);
  } finally {
    const exited = once(child, 'exit');
    child.kill();
    await exited;
  }
}

async function throughRealEtcd(folder: string): Promise<Figure[]> {
  await using etcd = await startRealEtcd(folder);
  return await throughGrpc(etcd.endpoint, etcd.pid);
}

async function throughGrpc(endpoint: string, pid: number): Promise<Figure[]> {
  const session = connect(`http://${endpoint}`);
  const put = (key: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/etcdserverpb.KV/Put',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('trailers', (trailers) => {
        if (trailers['grpc-status'] !== '0') reject(new Error(String(trailers['grpc-message'])));
      });
      stream.on('error', reject);
      stream.on('data', () => {});
      stream.on('end', resolve);
      stream.end(frame(encode(putRequest, { key, value }, framePrefixBytes)));
    });
  const figures: Figure[] = [];
  for (const writers of crowds) figures.push(await measure(writers, put, () => cpuOf(pid)));
  session.close();
  return figures;
}

async function measure(
  writers: number,
  write: (key: string) => Promise<void>,
  cpu: () => number,
): Promise<Figure> {
  let count = 0;
  let end = 0;
  const run = async (writer: number): Promise<void> => {
    for (let i = 0; performance.now() < end; i++) {
      await write(`/registry/pods/default/pod-${writer}-${i % 50}`);
      count++;
    }
  };
  const crowd = (): Promise<void>[] => Array.from({ length: writers }, (_, i) => run(i));
  end = performance.now() + 500;
  await Promise.all(crowd());
  count = 0;
  const [began, used] = [performance.now(), cpu()];
  end = began + seconds * 1000;
  await Promise.all(crowd());
  const perSecond = count / ((performance.now() - began) / 1000);
  return { perSecond, perCoreSecond: count / (cpu() - used) };
}

/** Of another process, in seconds. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function serve(path: string): Promise<void> {
  const store = await openEmbeddedStore({ path, clock: systemClock, log: silentLog });
  const options = { store, clock: systemClock, log: silentLog, name: 'bench', port: 0 };
  const face = await startEtcdFace(options);
  process.on('SIGTERM', () => {
    void (async () => {
      await face[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      process.exit(0);
    })();
  });
  process.send!(face.port);
}
