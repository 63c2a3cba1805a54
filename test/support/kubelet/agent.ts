import { appendFileSync, readFileSync } from 'node:fs';
import { createHttp2Exchange } from '#agent/api/http2-exchange.ts';
import { SharedInformers } from '#agent/api/shared-informers.ts';
import { connectContainerRuntime, type ContainerRuntime } from '#agent/container-runtime/index.ts';
import { startKubelet } from '#agent/kubelet/index.ts';
import { readAgentSettings } from '#agent/settings.ts';
import { createLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { createCluster } from '#shared/client/cluster.ts';
import { createHttpTransport } from '#shared/client/http-transport.ts';

/** The kubelet alone, as a program for a test's host, with a record of what it asks the runtime. */
const [settingsFile = '', recordFile = ''] = process.argv.slice(2);
const settings = await readAgentSettings(settingsFile);
const { pki, server, runtimeEndpoint } = settings;
const read = (path: string): string => readFileSync(path, 'utf8');
const api = createHttp2Exchange({
  server,
  credentials: () => ({ ca: read(pki.authority), cert: read(pki.certificate), key: read(pki.key) }),
  clock: systemClock,
});
const log = createLog(({ level, sentence, fields }) => {
  const { error } = fields;
  const why = error instanceof Error ? { error: error.stack } : {};
  process.stdout.write(`${JSON.stringify({ level, sentence, ...fields, ...why })}\n`);
});
const cluster = createCluster(createHttpTransport(api.exchange));
const informers = new SharedInformers({ cluster, clock: systemClock, log });
const kubelet = await startKubelet({
  settings,
  cluster,
  informers,
  clock: systemClock,
  log,
  runtime: recorded(connectContainerRuntime(runtimeEndpoint, { clock: systemClock })),
});
process.once('SIGTERM', () => {
  void stop();
});

async function stop(): Promise<void> {
  await kubelet[Symbol.asyncDispose]();
  await informers[Symbol.asyncDispose]();
  api[Symbol.dispose]();
  process.exit(0);
}

type Call = (request: object, options?: object) => Promise<unknown>;

function recorded(runtime: ContainerRuntime): ContainerRuntime {
  const kept = /^(run|stop|remove|create|start|update|reopen|execSync|pull)/;
  const calls = Object.entries(runtime).map(([name, value]) => {
    if (!kept.test(name)) return [name, value];
    const call: Call = async (request, options) => {
      const at = Date.now();
      const note = (more: object): void =>
        appendFileSync(
          recordFile,
          `${JSON.stringify({ at, took: Date.now() - at, name, request: plain(request), ...more })}\n`,
        );
      try {
        const answer = await (value as Call)(request, options);
        note({ answer: plain(answer) });
        return answer;
      } catch (error) {
        note({ error: (error as Error).message });
        throw error;
      }
    };
    return [name, call];
  });
  return Object.assign(Object.fromEntries(calls) as ContainerRuntime, {
    [Symbol.dispose]: () => runtime[Symbol.dispose](),
  });
}

/** Bytes as text. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (typeof one === 'bigint') return String(one);
      const bytes = one as { type?: string; data?: number[] } | undefined;
      return bytes?.type === 'Buffer' && bytes.data
        ? Buffer.from(bytes.data).toString('utf8')
        : one;
    }),
  );
}
