import { askControl } from '#main/clusters/control-socket.ts';
import { clusterProfile } from '#main/clusters/profile.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { DownCommand } from '#main/config.ts';

/** Stops a running cluster and waits for its end. */
export async function down(command: DownCommand, terminal: Terminal): Promise<ExitCode> {
  const { home, name, dataDir, json } = command;
  const profile = clusterProfile(home, name, dataDir);
  const running = await askControl(profile.control, { type: 'down' });
  if (!running) {
    terminal.out(
      json ? JSON.stringify({ name, stopped: false }) : `Cluster ${name} is not running`,
    );
    return exitCodes.notRunning;
  }
  terminal.out(json ? JSON.stringify({ name, stopped: true }) : `Cluster ${name} has stopped`);
  return exitCodes.done;
}
