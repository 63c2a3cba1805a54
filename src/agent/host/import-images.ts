import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';

/**
 * Hands an archive (as `docker save` and `ctr images export` make them) to containerd, and answers
 * on the same stream with what came of it.
 */
export async function importImages(stream: Duplex, runtimeEndpoint: string): Promise<void> {
  const address = runtimeEndpoint.replace(/^unix:\/\//, '');
  const child = spawn('ctr', ['-a', address, '-n', 'k8s.io', 'images', 'import', '-'], {
    stdio: 'pipe',
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => {}); // it ended early: its exit status tells
  stream.once('error', () => child.kill());
  stream.pipe(child.stdin);
  const { promise: ended, resolve } = Promise.withResolvers<string | undefined>();
  child.once('error', (error) => resolve(error.message));
  child.once('close', (code) => resolve(code === 0 ? undefined : err.trim() || `ctr: ${code}`));
  const error = await ended;
  stream.resume();
  stream.end(JSON.stringify(error === undefined ? { images: out.trim() } : { error }));
}
