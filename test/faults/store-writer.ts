// Opens the store given, says what it holds, follows it, and writes to it from many sides until it is
// killed. Each line on standard output is a promise: what it says has happened.
import { openEmbeddedStore } from '#main/control-plane/etcd/embedded-store.ts';
import { silentLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const [path, watchFrom, round] = process.argv.slice(2) as [string, string, string];
const writers = 32;
const keysEach = 4;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const store = await openEmbeddedStore({
  path,
  clock: systemClock,
  log: silentLog,
  recentBytes: 100_000,
});
const { kvs } = await store.range({ key: '\0', rangeEnd: '\0' });
for (const { key, value, modRevision } of kvs) {
  say(`held ${key} ${modRevision} ${Buffer.from(value).toString()}`);
}
say(`open ${store.revision}`);
store.watch({ key: 'w', rangeEnd: 'x', startRevision: Number(watchFrom) }, (message) => {
  if (message.type === 'ended') say(`ended ${message.error.message}`);
  if (message.type !== 'events') return;
  for (const { kv } of message.events) {
    say(`event ${kv.key} ${kv.modRevision} ${Buffer.from(kv.value).toString()}`);
  }
});
const { compactRevision } = await store.status();
const compactTo = Number(watchFrom) - 200;
if (compactTo > compactRevision) await store.compact(compactTo);

for (let writer = 0; writer < writers; writer++) void write(writer);

async function write(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const key = `w${writer}/${i % keysEach}`;
    const value = `${round}.${i}`;
    const put = { type: 'put', key, value: Buffer.from(value) } as const;
    const { revision } = await store.txn({ success: [put] });
    say(`acknowledged ${key} ${revision} ${value}`);
  }
}
