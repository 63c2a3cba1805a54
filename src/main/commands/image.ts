import { access } from 'node:fs/promises';
import { askControl } from '#main/clusters/control-socket.ts';
import { clusterProfile } from '#main/clusters/profile.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { ImageCommand } from '#main/config.ts';

/** Loads an archive of images into the nodes of a running cluster. */
export async function image(command: ImageCommand, terminal: Terminal): Promise<ExitCode> {
  const { home, name, dataDir, json, file, node } = command;
  await access(file).catch((cause: Error) => {
    throw new Error(`Cannot read ${file}: ${cause.message}`, { cause });
  });
  const profile = clusterProfile(home, name, dataDir);
  const question = { type: 'image', file, ...(node !== undefined && { node }) } as const;
  const loaded = await askControl(profile.control, question);
  if (!loaded) {
    terminal.note(`Cluster ${name} is not running; start it with "pilothouse up --name ${name}"`);
    return exitCodes.notRunning;
  }
  terminal.out(
    json
      ? JSON.stringify(loaded)
      : loaded.map(({ node: on, images }) => `${on}: ${images}`).join('\n'),
  );
  return exitCodes.done;
}
