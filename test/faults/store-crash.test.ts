import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'pilothouse-crash-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rounds = 100;

interface Write {
  readonly revision: number;
  readonly value: string;
}

test(
  'nothing that was acknowledged is lost, however often the process is killed',
  { timeout: 180_000 },
  async () => {
    const acknowledged = new Map<string, Write>();
    const history = new Map<number, string>();
    let watched = 1;
    let newest = 1;
    let writes = 0;

    for (let round = 0; round < rounds; round++) {
      const held = new Map<string, Write>();
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, 'store-writer.ts'),
          join(folder, 'state.db'),
          `${watched + 1}`,
          `${round}`,
        ],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          // A hundred processes read the same sources.
          env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
        },
      );
      const exited = once(child, 'close');
      const kill = (): void => void child.kill('SIGKILL');
      let isDoomed = round % 10 === 9;
      // Now and then while it is still opening the store, mostly while it is being written to.
      if (isDoomed) setTimeout(kill, 100 + Math.random() * 200);
      for await (const line of createInterface({ input: child.stdout })) {
        const [what, key = '', number, value = ''] = line.split(' ');
        const revision = Number(number);
        if (what === 'held') held.set(key, { revision, value });
        else if (what === 'open') newest = checkOpened(Number(key), held);
        else if (what === 'event') {
          // Every write is one revision: a gap, a repetition or a rewritten past would show.
          if (revision !== watched + 1) throw new Error(`after revision ${watched} came ${line}`);
          note(revision, `${key} ${value}`);
          watched = revision;
        } else if (what === 'acknowledged') {
          note(revision, `${key} ${value}`);
          acknowledged.set(key, { revision, value });
          newest = Math.max(newest, revision);
          writes++;
          if (!isDoomed) setTimeout(kill, Math.random() * 100);
          isDoomed = true;
        } else throw new Error(`the writer says: ${line}`);
      }
      await exited;
    }
    console.log(`${rounds} kills, ${writes} acknowledged writes, ${watched} watched revisions`);
    expect(writes).toBeGreaterThan(rounds * 32);

    function note(revision: number, write: string): void {
      const before = history.get(revision) ?? write;
      if (before !== write) throw new Error(`revision ${revision} was ${before} and is ${write}`);
      history.set(revision, write);
    }

    function checkOpened(revision: number, held: ReadonlyMap<string, Write>): number {
      if (revision < newest) throw new Error(`revisions went back from ${newest} to ${revision}`);
      for (const [key, { revision: wanted, value }] of acknowledged) {
        const found = held.get(key);
        // A later one may have become durable just before its writer could be told.
        const isKept =
          found?.revision === wanted ? found.value === value : found && found.revision > wanted;
        if (!isKept)
          throw new Error(`${key} ${value} of revision ${wanted} was lost: ${found?.revision}`);
      }
      return revision;
    }
  },
);
