import type { NodeArchitecture } from '#main/provision/assets.ts';
import { sha256 } from '#main/provision/files.ts';
import { pauseProgram } from '#main/provision/pause/program.ts';

/** Under this name containerd finds what sandboxes are made of; no registry is asked for it. */
export const pauseImage = 'pilothouse.dev/pause:1';

/** An archive as `docker save` makes them: one layer with one program. */
export function pauseArchive(architecture: NodeArchitecture): Buffer {
  const layer = tar([{ name: 'pause', mode: 0o755, content: pauseProgram(architecture) }]);
  const config = JSON.stringify({
    architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: { Entrypoint: ['/pause'], User: '65535:65535', WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'pilothouse' }],
  });
  const configName = `${sha256(config)}.json`;
  const manifest = [{ Config: configName, RepoTags: [pauseImage], Layers: ['layer.tar'] }];
  return tar([
    { name: configName, mode: 0o644, content: Buffer.from(config) },
    { name: 'layer.tar', mode: 0o644, content: layer },
    { name: 'manifest.json', mode: 0o644, content: Buffer.from(JSON.stringify(manifest)) },
  ]);
}

interface TarFile {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

const block = 512;

/** The ustar format of POSIX, of plain files that belong to root. */
function tar(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap(({ name, mode, content }) => [
    header(name, mode, content.length),
    content,
    Buffer.alloc((block - (content.length % block)) % block),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(name: string, mode: number, size: number): Buffer {
  const octal = (value: number, length: number): string =>
    `${value.toString(8).padStart(length - 1, '0')}\0`;
  const head = Buffer.alloc(block);
  head.write(name, 0);
  head.write(octal(mode, 8), 100);
  head.write(octal(0, 8), 108);
  head.write(octal(0, 8), 116);
  head.write(octal(size, 12), 124);
  head.write(octal(0, 12), 136);
  head.write(' '.repeat(8), 148); // stands for the checksum while it is counted
  head.write('0', 156);
  head.write('ustar\x0000', 257);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return head;
}
