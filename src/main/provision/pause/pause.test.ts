import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arch, platform } from 'node:process';
import { afterAll, expect, test } from 'vitest';
import { pauseArchive, pauseImage } from '#main/provision/pause/image.ts';
import { pauseProgram } from '#main/provision/pause/program.ts';

const scratch = mkdtempSync(join(tmpdir(), 'pilothouse-pause-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test.runIf(platform === 'linux')(
  'the program waits and leaves dead children to the kernel',
  async () => {
    const path = join(scratch, 'pause');
    writeFileSync(path, pauseProgram(arch === 'arm64' ? 'arm64' : 'amd64'));
    chmodSync(path, 0o755);
    const child = spawn(path);
    await once(child, 'spawn');
    await expect
      .poll(() => /^SigIgn:\t(.*)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1])
      .toBe('0000000000010000');
    const state = /^State:\t(\w)/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect(state).toBe('S');
  },
);

test('each architecture has a program of its own whose jump ends where it waits', () => {
  const arm = pauseProgram('arm64');
  const words = Array.from({ length: 14 }, (_, at) => arm.readUInt32LE(120 + 4 * at));
  const jump = words[12]!;
  const offset = ((jump & 0x3ffffff) << 6) >> 6;
  const address = ((words[2]! >> 5) & 0x7ffff) * 4;
  expect({
    machine: arm.readUInt16LE(18),
    waits: words[12 + offset],
    action: arm.readBigUInt64LE(120 + 8 + address),
  }).toEqual({ machine: 183, waits: 0xd2800928, action: 1n });
});

test('the archive is one that tar reads', () => {
  const path = join(scratch, 'pause.tar');
  writeFileSync(path, pauseArchive('amd64'));
  const manifest = execFileSync('tar', ['-xOf', path, 'manifest.json']).toString();
  expect(JSON.parse(manifest)).toMatchObject([{ RepoTags: [pauseImage] }]);
  const layer = execFileSync('tar', ['-xOf', path, 'layer.tar'], { encoding: 'buffer' });
  writeFileSync(join(scratch, 'layer.tar'), layer);
  expect(execFileSync('tar', ['-tvf', join(scratch, 'layer.tar')]).toString()).toMatch(
    /^-rwxr-xr-x 0\/0 .* pause$/m,
  );
});
