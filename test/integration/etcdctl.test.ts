import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbeddedStore, type EmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { startEtcdFace } from '#main/control-plane/etcd/grpc/face.ts';
import type { GrpcServer } from '#main/control-plane/etcd/grpc/server.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import {
  createCertificates,
  etcdctl,
  startEtcdctl,
  startRealEtcd,
  type RealEtcd,
} from '../support/etcd.ts';

// The same commands go to a real etcd and to ours, and have to print the same. Only what names the
// cluster, or depends on the moment, is taken out first.
const folder = mkdtempSync(join(tmpdir(), 'pilothouse-etcdctl-'));
let store: EmbeddedStore;
let face: GrpcServer;
let real: RealEtcd;

beforeAll(async () => {
  real = await startRealEtcd(join(folder, 'real'));
  store = await openEmbeddedStore({
    path: join(folder, 'state.db'),
    clock: systemClock,
    log: silentLog,
  });
  face = await startEtcdFace({
    store,
    clock: systemClock,
    log: silentLog,
    name: 'test',
    port: 0,
    tls: createCertificates(folder),
  });
});
afterAll(async () => {
  await face[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await real[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Command = readonly [args: string, input?: string];

const conversations: Record<string, readonly Command[]> = {
  'keys are put, read in every order and deleted': [
    ['put foo bar'],
    ['put foo bar2 --prev-kv'],
    ['put foo/a 3'],
    ['put foo/c 1'],
    ['put foo/b 2'],
    ['get foo -w fields'],
    ['get foo/ --prefix -w json'],
    ['get foo/ --prefix --order=DESCEND --sort-by=VALUE'],
    ['get foo/ --prefix --sort-by=CREATE'],
    ['get foo/ --prefix --limit=2 -w json'],
    ['get foo/ --prefix --keys-only'],
    ['get foo/b --from-key'],
    ['get foo foo/b --print-value-only'],
    ['get foo --rev=2 -w json'],
    ['get foo --rev=99'],
    ['get --prefix -w json -- '],
    ['put foo x --ignore-value'],
    ['put foo --ignore-value --prev-kv'],
    ['put missing --ignore-value'],
    ['del foo/a --prev-kv'],
    ['del foo/ --prefix'],
    ['del nothing'],
    ['get foo -w json'],
  ],
  'transactions compare and branch': [
    ['txn', 'mod("t") = "0"\n\nput t 1\nget t\n\nput t 2\n\n'],
    ['txn -w json', 'value("t") = "1"\nversion("t") > "0"\n\nget t\ndel t\n\nget foo\n\n'],
    ['txn', 'create("t") != "0"\n\nput t yes\n\nput t no\nput u no\n\n'],
    ['txn', 'version("t") < "9"\n\nput twice 1\nput twice 2\n\n\n'],
    ['txn', 'mod("t") > "0"\n\nput t 1\ndel t\n\n\n'],
    ['get t --prefix -w json'],
  ],
  'leases hold keys': [
    ['lease grant 100 -w json'],
    ['lease grant 1'],
    ['lease timetolive 1234abcd'],
    ['lease revoke 1234abcd'],
    ['lease keep-alive 1234abcd --once'],
    ['put leased x --lease=1234abcd'],
  ],
  'the past is compacted': [
    ['put c 1'],
    ['compaction 5'],
    ['compaction 5'],
    ['compaction 999'],
    ['compaction 7 --physical'],
    ['get foo --rev=3'],
    ['get foo --rev=8 -w json'],
    ['watch foo --rev=3'],
  ],
  'what is off says so': [
    ['auth disable'],
    ['alarm list'],
    ['alarm disarm'],
    ['defrag'],
    ['endpoint health'],
  ],
};

test.each(Object.entries(conversations))(
  'etcdctl notices no difference: %s',
  async (_, commands) => {
    for (const command of commands) {
      const [ours, theirs] = [await run('ours', command), await run('real', command)];
      expect({ command, output: ours }).toEqual({ command, output: theirs });
    }
  },
);

test('etcdctl watches: events with what was before, only puts, from the past on', async () => {
  const revision = store.revision;
  const script: Command[] = [
    ['put w 1'],
    ['put w 2'],
    ['del w'],
    ['put w 3'],
    ['put other 1'],
    ['put wx 4'],
  ];
  const watching = (flags: string[]) => startEtcdctl(ourOptions(), 'watch', ...flags);
  const live = watching(['w', '--prefix', '--prev-kv']);
  await created();
  for (const [args] of script) await etcdctl(ourOptions(), ...args.split(' '));
  expect(await lines(live, 'wx\n4\n')).toBe(
    'PUT\nw\n1\nPUT\nw\n1\nw\n2\nDELETE\nw\n2\nw\n\nPUT\nw\n3\nPUT\nwx\n4\n',
  );
  const past = watching(['w', `--rev=${revision + 2}`]);
  expect(await lines(past, 'w\n3\n')).toBe('PUT\nw\n2\nDELETE\nw\n\nPUT\nw\n3\n');
});

test('etcdctl keeps a lease alive and sees its keys go with it', async () => {
  const granted = await etcdctl(ourOptions(), 'lease', 'grant', '60');
  const id = /lease (\w+) granted with TTL\(60s\)/.exec(granted)![1]!;
  await etcdctl(ourOptions(), 'put', 'with-lease', 'x', `--lease=${id}`);
  expect(await etcdctl(ourOptions(), 'lease', 'keep-alive', '--once', id)).toBe(
    `lease ${id} keepalived with TTL(60)\n`,
  );
  expect(await etcdctl(ourOptions(), 'lease', 'timetolive', '--keys', id)).toMatch(
    new RegExp(
      `^lease ${id} granted with TTL\\(60s\\), remaining\\((59|60)s\\), attached keys\\(\\[with-lease\\]\\)\n$`,
    ),
  );
  expect(await etcdctl(ourOptions(), 'lease', 'list')).toContain(`\n${id}\n`);
  await etcdctl(ourOptions(), 'lease', 'revoke', id);
  expect(await etcdctl(ourOptions(), 'get', 'with-lease')).toBe('');
});

test('etcdctl reads the status of the one member there is', async () => {
  // With a scheme, this etcdctl sends all of the address as the request's authority.
  const endpoint = `https://127.0.0.1:${face.port}`;
  const [{ Status: status }] = JSON.parse(
    await etcdctl({ ...ourOptions(), endpoint }, 'endpoint', 'status', '-w', 'json'),
  ) as [{ Status: Record<string, number> }];
  expect(status).toMatchObject({ leader: (status as { leader: number }).leader, raftTerm: 2 });
  expect(status['dbSize']).toBeGreaterThan(4096);
  expect(await etcdctl(ourOptions(), 'member', 'list')).toContain(', started, test, https://127');
  await expect(
    etcdctl(ourOptions(), 'member', 'add', 'x', '--peer-urls=http://127.0.0.1:1'),
  ).rejects.toThrow("Pilothouse's store has one member");
  expect(await etcdctl(ourOptions(), 'endpoint', 'hashkv')).toMatch(/, \d+\n$/);
});

test('etcdctl takes locks and wins elections', async () => {
  expect(await etcdctl(ourOptions(), 'lock', 'a-lock', 'echo', 'taken')).toBe('taken\n');
  const candidate = startEtcdctl(ourOptions(), 'elect', 'an-election', 'me');
  expect(await lines(candidate, 'me\n')).toMatch(/^an-election\/[0-9a-f]+\nme\n$/);
});

test('a client without a certificate of ours is turned away', async () => {
  await expect(
    etcdctl({ endpoint: ourOptions().endpoint }, 'get', 'foo', '--command-timeout=1s'),
  ).rejects.toThrow('context deadline exceeded');
});

function ourOptions(): { endpoint: string; certificates: string } {
  return { endpoint: `127.0.0.1:${face.port}`, certificates: folder };
}

async function run(whom: 'ours' | 'real', [args, input = '']: Command): Promise<string> {
  const options = whom === 'ours' ? ourOptions() : { endpoint: real.endpoint };
  const words = args.split(' ');
  try {
    return neutral(await etcdctl({ ...options, input }, ...words));
  } catch (error) {
    return neutral((error as Error).message);
  }
}

function neutral(output: string): string {
  return output
    .replaceAll(/^\{"level".*\n/gm, '')
    .replaceAll(/"(cluster_id|member_id|raft_term|ID)":\d+/g, '"$1":0')
    .replaceAll(/"(ClusterID|MemberID|RaftTerm)" : \d+/g, '"$1" : 0')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'endpoint')
    .replaceAll(/took = \S+/g, 'took = some time')
    .replaceAll(/lease [0-9a-f]{15,16} /g, 'lease id ');
}

/** A watch is set up in less time than this. */
function created(): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, 500));
}

async function lines(child: ReturnType<typeof startEtcdctl>, last: string): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout!) {
    output += String(chunk);
    if (output.endsWith(last)) break;
  }
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
  return output;
}
