import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import type { ScriptOptions, ScriptResult } from '#main/provision/machine.ts';
import { becomeRoot, type Privilege } from '#main/provision/privilege.ts';
import { connectSsh, type SshOptions } from '#main/provision/ssh/connection.ts';
import type { Questions } from '#main/provision/ssh/questions.ts';
import { describeTarget } from '#main/provision/ssh/target.ts';

/** Root on a machine, for as long as it is not disposed of. */
export interface Login extends Privilege, AsyncDisposable {}

/** Over SSH. Throws saying what keeps us out, and what to do about it. */
export async function logIn(options: SshOptions): Promise<Login> {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectSsh(options));
  const privilege = await becomeRoot((command, more) => connection.execute(command, more), {
    name: describeTarget(options.target),
    questions: options.questions,
  });
  const owned = stack.move();
  return { ...privilege, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** On this machine itself. */
export async function logInHere(questions: Questions): Promise<Login> {
  const privilege = await becomeRoot(executeHere, { name: hostname(), questions });
  return { ...privilege, async [Symbol.asyncDispose]() {} };
}

function executeHere(
  command: string,
  { input = '', signal }: ScriptOptions = {},
): Promise<ScriptResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ScriptResult>();
  const child = spawn('sh', ['-c', command], { stdio: 'pipe', ...(signal && { signal }) });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => {}); // the command may end without having read all
  child.once('error', reject);
  child.once('close', (code) => resolve({ code: code ?? 128, out, err }));
  if (typeof input === 'string') child.stdin.end(input);
  else input.pipe(child.stdin);
  return promise;
}
