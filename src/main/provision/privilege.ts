import { Readable } from 'node:stream';
import {
  quoted,
  type Machine,
  type ScriptOptions,
  type ScriptResult,
} from '#main/provision/machine.ts';
import type { Questions } from '#main/provision/ssh/questions.ts';

/** Runs a command as the user who logged in. */
export type Execute = (command: string, options?: ScriptOptions) => Promise<ScriptResult>;

export interface Privilege {
  readonly machine: Machine;
  /** The user who logged in, and whether it takes a password to become root. */
  readonly user: string;
  readonly way: 'root' | 'sudo' | 'sudo with password';
}

const maxPasswords = 3;

/** Finds how to be root there; asks for sudo's password where it takes one. Throws with a remedy. */
export async function becomeRoot(
  execute: Execute,
  { name, questions }: { readonly name: string; readonly questions: Questions },
): Promise<Privilege> {
  const probe = await execute(
    'id -u; id -un; command -v sudo || echo none; LC_ALL=C sudo -n true 2>&1 || true',
  );
  const [id, user = '', sudo, ...said] = probe.out.trim().split('\n');
  if (probe.code !== 0 || id === undefined || !/^\d+$/.test(id))
    throw new Error(`${name} does not answer as a shell does: ${probe.out}${probe.err}`.trim());
  const over = (way: Privilege['way'], run: Execute): Privilege => ({
    machine: { name, execute: run },
    user,
    way,
  });
  if (id === '0')
    return over('root', (script, options) => execute(`sh -c ${quoted(script)}`, options));
  if (sudo === 'none')
    throw new Error(
      `User ${user} is not root on ${name}, and there is no sudo: log in as root, or install sudo and add ${user} to its group`,
    );
  const complaint = said.join(' ');
  if (complaint === '')
    return over('sudo', (script, options) => execute(`sudo -n sh -c ${quoted(script)}`, options));
  refuseHopeless(complaint, user, name);
  const password = await sudoPassword(execute, { name, user, questions });
  return over('sudo with password', (script, { input = '', signal } = {}) =>
    execute(`${withPassword} sh -c ${quoted(script)}`, {
      input: Readable.from(prefixed(password, input)),
      signal,
    }),
  );
}

/** Reads the password from standard input, always, and asks nothing aloud. */
const withPassword = `LC_ALL=C sudo -S -k -p ''`;

async function sudoPassword(
  execute: Execute,
  { name, user, questions }: { name: string; user: string; questions: Questions },
): Promise<string> {
  for (let left = maxPasswords; left > 0; left--) {
    const password = await questions.secret(`Password of ${user} for sudo on ${name}: `);
    if (password === undefined)
      throw new Error(
        `sudo on ${name} asks ${user} for a password: run this in a terminal, or allow ${user} to use sudo without one`,
      );
    const { code, err } = await execute(`${withPassword} true`, { input: `${password}\n` });
    if (code === 0) return password;
    refuseHopeless(err, user, name);
  }
  throw new Error(`sudo on ${name} does not take the password of ${user}: check it, and try again`);
}

function refuseHopeless(complaint: string, user: string, name: string): void {
  if (/not in the sudoers|not allowed|may not run sudo/i.test(complaint))
    throw new Error(
      `User ${user} may not use sudo on ${name}: as root there, run "usermod -aG sudo ${user}", or log in as another user`,
    );
  if (/must have a tty|requiretty/i.test(complaint))
    throw new Error(
      `sudo on ${name} wants a terminal: remove "requiretty" from /etc/sudoers there, or log in as root`,
    );
}

async function* prefixed(
  password: string,
  input: Readable | string,
): AsyncGenerator<Buffer | string> {
  yield `${password}\n`;
  if (typeof input === 'string') yield input;
  else yield* input as AsyncIterable<Buffer>;
}
