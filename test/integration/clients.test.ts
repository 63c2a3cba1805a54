import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { startPilothouse, stop, type Pilothouse } from '../support/pilothouse.ts';

/** Client libraries that other people wrote follow 1,000 changes through a restart of the server. */

const namespace = 'default';
const changes = 1000;

interface Seen {
  readonly type: 'add' | 'update' | 'delete';
  readonly name: string;
  readonly version: number;
}

test('the JavaScript informer sees every object through a restart, nothing twice', async () => {
  await withRestart(async (pilothouse, change) => {
    const { api, config } = clientOf(pilothouse);
    const seen: Seen[] = [];
    const informer = makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () =>
      api.listNamespacedConfigMap({ namespace }),
    );
    const note = (type: Seen['type']) => (object: V1ConfigMap) =>
      void seen.push({
        type,
        name: object.metadata!.name!,
        version: Number(object.metadata!.resourceVersion),
      });
    for (const type of ['add', 'update', 'delete'] as const) informer.on(type, note(type));
    informer.on('error', () => setTimeout(() => void informer.start(), 50));
    await informer.start();
    const expected = await change(api);
    await expect.poll(() => stateOf(seen), { timeout: 30_000 }).toEqual(expected);
    await informer.stop();
    expect(repeated(seen)).toEqual([]);
  });
}, 120_000);

test('the Python client’s watch sees every object through a restart, nothing twice', async () => {
  await withRestart(async (pilothouse, change) => {
    const python = pythonWithKubernetes();
    const script = join(import.meta.dirname, '../support/follow.py');
    const follower = spawn(python, [script, pilothouse.kubeconfig, namespace], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen: Seen[] = [];
    let rest = '';
    follower.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) seen.push(JSON.parse(line) as Seen);
    });
    await expect.poll(() => stateOf(seen), { timeout: 20_000 }).toHaveProperty('kube-root-ca.crt');
    const expected = await change(clientOf(pilothouse).api);
    await expect.poll(() => stateOf(seen), { timeout: 30_000 }).toEqual(expected);
    const ended = once(follower, 'exit');
    follower.kill();
    await ended;
    expect(repeated(seen)).toEqual([]);
  });
}, 180_000);

/** Runs `follow` beside a cluster whose server is killed and started again half-way through the changes. */
async function withRestart(
  follow: (
    pilothouse: Pilothouse,
    change: (api: CoreV1Api) => Promise<Record<string, number>>,
  ) => Promise<void>,
): Promise<void> {
  await using first = await startPilothouse({ simulatedNodes: 0 });
  await using stack = new AsyncDisposableStack();
  await follow(first, async (api) => {
    await makeChanges(api, 0, changes / 2);
    await stop(first.process, 'SIGKILL');
    stack.use(await startPilothouse({ home: first.home, port: first.port, simulatedNodes: 0 }));
    await makeChanges(clientOf(first).api, changes / 2, changes);
    const { items } = await clientOf(first).api.listNamespacedConfigMap({ namespace });
    return Object.fromEntries(
      items.map(({ metadata }) => [metadata!.name!, Number(metadata!.resourceVersion)]),
    );
  });
}

/** Change n touches object n % 50: most are updates, every seventh removes what is there. */
async function makeChanges(api: CoreV1Api, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const name = `object-${n % 50}`;
    const body = { metadata: { name }, data: { n: String(n) } };
    if (n % 7 === 3) await api.deleteNamespacedConfigMap({ namespace, name }).catch(missing);
    else {
      const updated = await api
        .replaceNamespacedConfigMap({ namespace, name, body })
        .catch(missing);
      if (!updated) await api.createNamespacedConfigMap({ namespace, body });
    }
  }
}

function missing(error: unknown): undefined {
  if ((error as { code?: number }).code !== 404) throw error;
}

function clientOf({ kubeconfig }: Pilothouse): { api: CoreV1Api; config: KubeConfig } {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return { api: config.makeApiClient(CoreV1Api), config };
}

function stateOf(seen: readonly Seen[]): Record<string, number> {
  const state: Record<string, number> = {};
  for (const { type, name, version } of seen) {
    if (type === 'delete') delete state[name];
    else state[name] = version;
  }
  return state;
}

/** The same object at the same revision, told twice. */
function repeated(seen: readonly Seen[]): readonly Seen[] {
  const keys = new Set<string>();
  return seen.filter(({ type, name, version }) => {
    const key = `${name}@${version}`;
    if (type === 'delete') return false;
    if (keys.has(key)) return true;
    keys.add(key);
    return false;
  });
}

/** A Python of its own with the `kubernetes` package, kept in the cache. */
function pythonWithKubernetes(): string {
  const folder = join(homedir(), '.cache/pilothouse-test/python-client');
  const python = join(folder, 'bin/python');
  if (!existsSync(join(folder, 'ready'))) {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', 'kubernetes'], { stdio: 'pipe' });
    execFileSync('touch', [join(folder, 'ready')]);
  }
  return python;
}
