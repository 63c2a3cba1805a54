import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubectlOn, type Kubectl } from '../support/kubectl.ts';
import { startPilothouse, type Pilothouse } from '../support/pilothouse.ts';

/** Each command is a process of its own, which a busy machine starts slowly. */
const minutes = 3 * 60_000;
const home = mkdtempSync(join(tmpdir(), 'pilothouse-cli-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command to its end, on the cluster of this test's home unless told otherwise. */
function pilothouse(line: string, environment: Record<string, string> = {}): Promise<Finished> {
  const args = ['src/main/cli.ts', ...line.split(' ').filter(Boolean)];
  const env = { ...process.env, PILOTHOUSE_HOME: home, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

test.each([
  ['help', 0],
  ['up --help', 0],
  ['fly', 2],
  ['status', 3],
  ['down', 3],
  ['kubeconfig', 1],
  ['snapshot save', 1],
])('without a cluster "%s" ends with %i', async (line, code) => {
  const environment = { PILOTHOUSE_HOME: join(home, 'empty') };
  expect((await pilothouse(line, environment)).code).toBe(code);
});

describe('a cluster', () => {
  const scratch = join(home, 'snapshot.db');
  const own = join(home, 'own');
  let first: Pilothouse;
  let kubectl: Kubectl;
  beforeAll(async () => {
    first = await startPilothouse({ home });
    kubectl = kubectlOn('kubectl', first.kubeconfig);
  });
  afterAll(() => first[Symbol.asyncDispose]());

  test('tells where it is', async () => {
    const { code, out } = await pilothouse('status -o json');
    expect([code, JSON.parse(out)]).toEqual([
      0,
      expect.objectContaining({
        running: true,
        server: `https://127.0.0.1:${first.port}`,
        kubeconfig: first.kubeconfig,
        pid: first.process.pid,
      }),
    ]);
  });

  test('is not started twice', async () => {
    const { code, err } = await pilothouse('up --no-window');
    expect([code, err]).toEqual([1, expect.stringContaining('is running it already')]);
  });

  test('is merged into the kubeconfig of whoever asks for it', async () => {
    writeFileSync(own, 'apiVersion: v1\nkind: Config\ncurrent-context: ""\n');
    expect((await pilothouse('kubeconfig --merge', { KUBECONFIG: own })).code).toBe(0);
    const { stdout } = await kubectlOn('kubectl', own)(['get', 'namespaces', '-o', 'name']);
    expect(stdout).toContain('namespace/kube-system');
  });

  test(
    'is drained a node at a time, and what nobody starts again is not ended unasked',
    { timeout: minutes },
    async () => {
      const overrides = JSON.stringify({ spec: { nodeName: 'simulated-2' } });
      await kubectl(['run', 'alone', '--image=web', `--overrides=${overrides}`]);
      await kubectl(['wait', '--for=condition=Ready', 'pod/alone', '--timeout=30s']);
      expect(await pilothouse('node drain simulated-2')).toMatchObject({
        code: 1,
        err: 'pilothouse: cannot delete Pods that declare no controller (use --force to override): default/alone\n',
      });
      const { code, out, err } = await pilothouse('node drain simulated-2 --force');
      expect([code, out]).toEqual([0, 'node/simulated-2 drained\n']);
      expect(err).toMatch(
        /^Warning: deleting Pods that declare no controller: default\/alone\n.*1 of 1 pods have gone/s,
      );
      const cordoned = ['get', 'node', 'simulated-2', '-o', 'jsonpath={.spec.unschedulable}'];
      expect((await kubectl(cordoned)).stdout).toBe('true');
      expect((await pilothouse('node drain nowhere')).err).toContain('nodes "nowhere" not found');
      await kubectl(['uncordon', 'simulated-2']);
    },
  );

  test('saves what etcdctl reads, and comes back from it', { timeout: minutes }, async () => {
    // The authority's is made anew where the snapshot came before it.
    const kept = ['configmap/kept', 'configmap/kube-root-ca.crt'];
    await kubectl(['create', 'configmap', 'kept']);
    expect((await pilothouse(`snapshot save ${scratch}`)).code).toBe(0);
    const theirs = JSON.parse(
      execFileSync('etcdctl', ['snapshot', 'status', scratch, '-w', 'json'], {
        encoding: 'utf8',
        env: { ...process.env, ETCDCTL_API: '3' },
      }),
    ) as { hash: number; revision: number; totalKey: number };
    const ours = JSON.parse((await pilothouse(`snapshot status ${scratch} -o json`)).out) as object;
    expect(ours).toMatchObject({ hash: theirs.hash, totalKeys: theirs.totalKey });
    expect((await pilothouse(`snapshot verify ${scratch}`)).code).toBe(0);

    await kubectl(['create', 'configmap', 'lost']);
    const { code, out, err } = await pilothouse(`snapshot restore ${scratch}`);
    expect([code, out]).toEqual([0, expect.stringContaining('The API answers from the restored')]);
    expect(err).toMatch(/^ {2}verify/m);
    await expect.poll(() => configMaps(first)).toEqual(kept);

    await kubectl(['create', 'configmap', 'lost']);
    expect((await pilothouse('down')).code).toBe(0);
    if (first.process.exitCode === null) await once(first.process, 'exit');
    expect(first.process.exitCode).toBe(0);
    expect((await pilothouse(`snapshot restore ${scratch}`)).code).toBe(0);
    await using again = await startPilothouse({ home, port: first.port });
    await expect.poll(() => configMaps(again)).toEqual(kept);
  });

  async function configMaps({ kubeconfig }: Pilothouse): Promise<readonly string[]> {
    const { stdout } = await kubectlOn('kubectl', kubeconfig)(['get', 'configmap', '-o', 'name']);
    return stdout.trim().split('\n');
  }

  test('that is damaged in one bit is refused', async () => {
    const bytes = readFileSync(scratch);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(scratch, bytes);
    const { code, err } = await pilothouse(`snapshot verify ${scratch}`);
    expect([code, err]).toEqual([1, expect.stringContaining('is damaged')]);
  });
});
