import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { joined } from './joined-machine.ts';
import { runOn, type Machine } from './machine.ts';

/** This machine, with a count of how often it was asked. */
function here(): { machine: Machine; asked: () => number } {
  let asked = 0;
  const machine: Machine = {
    name: 'here',
    execute(script) {
      asked++;
      const { promise, resolve } = Promise.withResolvers<{
        code: number;
        out: string;
        err: string;
      }>();
      execFile('sh', ['-c', script], (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
      return promise;
    },
  };
  return { machine, asked: () => asked };
}

test('what is asked in one turn goes to the machine at once, each with its own answer', async () => {
  const { machine, asked } = here();
  const one = joined(machine);
  const answers = await Promise.all([
    runOn(one, 'echo a; echo; echo b'),
    runOn(one, 'printf "no newline"'),
    runOn(one, 'echo complaint >&2'),
    runOn(one, 'variable=1; cd /; exit 0; echo never'),
    runOn(one, 'echo "$variable$(cat)"'),
  ]);
  expect(answers).toEqual(['a\n\nb\n', 'no newline', '', '', '\n']);
  expect(asked()).toBe(1);
});

test('a script that fails says why, and keeps no other from answering', async () => {
  const { machine, asked } = here();
  const one = joined(machine);
  const [fine, failed] = await Promise.allSettled([
    runOn(one, 'echo fine'),
    runOn(one, 'echo half; echo "no such thing" >&2; exit 3'),
  ]);
  expect(fine).toEqual({ status: 'fulfilled', value: 'fine\n' });
  expect(failed).toMatchObject({
    status: 'rejected',
    reason: expect.objectContaining({
      message: 'A command on here ended with 3: no such thing',
    }),
  });
  expect(asked()).toBe(2);
});

test('a machine that goes away while it is asked fails all that was asked', async () => {
  const one = joined({
    name: 'far',
    execute: async () => ({ code: 255, out: 'a', err: 'connection lost' }),
  });
  const both = await Promise.allSettled([one.execute('echo a'), one.execute('echo b')]);
  for (const { status } of both) expect(status).toBe('rejected');
});
