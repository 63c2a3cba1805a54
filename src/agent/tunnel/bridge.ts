import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** Carries bytes between the agent's socket and the two streams (an SSH session's) until either ends. */
export async function bridge(
  socketPath: string,
  { input, output }: { readonly input: Readable; readonly output: Writable },
): Promise<void> {
  const socket = connect(socketPath);
  const ended = Promise.withResolvers<void>();
  socket.once('error', (cause) =>
    ended.reject(
      new Error(
        `Cannot reach the agent at ${socketPath}: ${cause.message}; see "systemctl status pilothouse-agent"`,
        { cause },
      ),
    ),
  );
  socket.once('close', () => ended.resolve());
  output.once('error', () => socket.destroy());
  output.once('close', () => socket.destroy());
  input.once('error', () => socket.destroy());
  input.once('close', () => socket.destroy());
  input.pipe(socket);
  socket.pipe(output);
  await ended.promise;
}
