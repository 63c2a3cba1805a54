import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { connectSsh, LoginRefused, type SshOptions } from '#main/provision/ssh/connection.ts';
import { agentCommand } from '#main/provision/steps/agent.ts';
import type { Attachment } from '#main/provision/tunnel/node-tunnel.ts';

/** Logs in and starts the bridge to the agent. */
export async function attachOverSsh(options: SshOptions): Promise<Attachment> {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectSsh(options));
  let complaint = '';
  const bridge = `${options.target.user === 'root' ? '' : 'sudo -n '}${agentCommand} bridge`;
  const stream = await connection.open(bridge, (text) => (complaint += text));
  void connection.ended.then((why) => stream.destroy(new Error(why)));
  const owned = stack.move();
  return {
    stream,
    complaint: () => complaint.trim(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The agent of this machine itself. */
export async function attachHere(isRoot: boolean): Promise<Attachment> {
  const child = isRoot
    ? spawn(agentCommand, ['bridge'], { stdio: 'pipe' })
    : spawn('sudo', ['-n', agentCommand, 'bridge'], { stdio: 'pipe' });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const ended = Promise.withResolvers<void>();
  child.once('error', (error) => {
    stream.destroy(error);
    ended.resolve();
  });
  child.once('close', () => {
    stream.destroy();
    ended.resolve();
  });
  return {
    stream,
    complaint: () => complaint.trim(),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended.promise;
    },
  };
}

export function isFinal(error: unknown): boolean {
  return error instanceof LoginRefused;
}
