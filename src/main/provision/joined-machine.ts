import { randomUUID } from 'node:crypto';
import type { Machine, ScriptResult } from '#main/provision/machine.ts';

interface Waiting extends PromiseWithResolvers<ScriptResult> {
  readonly script: string;
}

/**
 * A machine for scripts that only look: those that are asked for in one turn go there as one, since
 * each round trip takes a login, a sudo and a shell. A script that fails is run once more by itself,
 * so that it says what it has to say.
 */
export function joined(machine: Machine): Machine {
  let waiting: Waiting[] = [];
  const flush = (): void => {
    const all = waiting;
    waiting = [];
    runAll(machine, all).catch((error: unknown) => {
      for (const { reject } of all) reject(error);
    });
  };
  return {
    name: machine.name,
    execute(script, options = {}) {
      // What is fed or can be called off goes by itself.
      if (options.input !== undefined || options.signal) return machine.execute(script, options);
      if (waiting.length === 0) setImmediate(flush);
      const one = { script, ...Promise.withResolvers<ScriptResult>() };
      waiting.push(one);
      return one.promise;
    },
  };
}

async function runAll(machine: Machine, all: readonly Waiting[]): Promise<void> {
  const mark = randomUUID();
  const parts = all.map(
    ({ script }) => `(\n${script}\n) 2>/dev/null </dev/null\nprintf '\\n%s %s\\n' ${mark} $?`,
  );
  const { out, err } = await machine.execute(parts.join('\n'));
  const answers = out.split(new RegExp(`\\n${mark} (\\d+)\\n`));
  if (answers.length !== 2 * all.length + 1)
    throw new Error(`${machine.name} broke off while it was looked at: ${(err || out).trim()}`);
  for (const [at, { script, resolve, reject }] of all.entries()) {
    const [text = '', code] = answers.slice(2 * at);
    if (code === '0') resolve({ code: 0, out: text, err: '' });
    else machine.execute(script).then(resolve, reject);
  }
}
