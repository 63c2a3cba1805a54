import { copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { mustExecute } from '../hosts/shell.ts';
import { pack } from './images.ts';
export const pauseImage = 'pilothouse.dev/pause:1';
export async function pauseArchiveFile(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'pause-'));
  await mkdir(join(scratch, 'root'));
  await copyFile('/tmp/pause/pause', join(scratch, 'root/pause'));
  await pack(join(scratch, 'root'), scratch, pauseImage);
  await mustExecute('sh', [
    '-c',
    `cd ${scratch}/image; f=$(ls *.json | grep -v manifest); sed -i 's/"Cmd":\\["sh"\\]/"Cmd":["\\/pause"]/' $f; n=$(sha256sum $f | cut -d' ' -f1).json; mv $f $n; sed -i "s/$f/$n/" manifest.json; tar -cf ${scratch}/pause.tar .`,
  ]);
  return join(scratch, 'pause.tar');
}
