import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { CompressedFile } from '#main/provision/assets.ts';
import { quoted, runOn, type Machine } from '#main/provision/machine.ts';

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined;
  progress(sentBytes: number): void;
}

/**
 * Sends a compressed file and unpacks it in its place, executable. What was sent before the
 * connection broke is not sent again; what arrived otherwise than it left is sent anew.
 */
export async function uploadUnpacked(
  machine: Machine,
  file: CompressedFile,
  target: string,
  options: UploadOptions,
): Promise<void> {
  const part = quoted(`${target}.gz.part`);
  const size = await runOn(machine, `stat -c %s ${part} 2>/dev/null || echo 0`);
  const there = Number(size);
  await send(machine, { file, part, from: there <= file.bytes ? there : 0 }, options);
  if (!(await isWhole(machine, file, part))) {
    await send(machine, { file, part, from: 0 }, options);
    if (!(await isWhole(machine, file, part)))
      throw new Error(
        `What arrives on ${machine.name} is not what was sent; check its disk and memory`,
      );
  }
  const place = quoted(target);
  await runOn(
    machine,
    `gzip -dc ${part} >${place}.new
chmod 755 ${place}.new
mv ${place}.new ${place}
rm ${part}`,
  );
}

async function send(
  machine: Machine,
  { file, part, from }: { file: CompressedFile; part: string; from: number },
  { signal, progress }: UploadOptions,
): Promise<void> {
  if (from === file.bytes) return;
  const input = Readable.from(counted(file.path, from, progress));
  const way = from === 0 ? '>' : '>>';
  await runOn(machine, `mkdir -p "$(dirname ${part})"\ncat ${way}${part}`, { input, signal });
}

async function* counted(
  path: string,
  start: number,
  progress: (sentBytes: number) => void,
): AsyncGenerator<Buffer> {
  let sent = start;
  for await (const chunk of createReadStream(path, { start }) as AsyncIterable<Buffer>) {
    yield chunk;
    progress((sent += chunk.length));
  }
}

async function isWhole(machine: Machine, file: CompressedFile, part: string): Promise<boolean> {
  return (await runOn(machine, `sha256sum <${part} | cut -c1-64`)).trim() === file.sha256;
}
