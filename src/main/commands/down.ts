import { askControl } from '#main/clusters/control-socket.ts';
import { clusterProfile } from '#main/clusters/profile.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { DownCommand } from '#main/config.ts';
import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';

const patienceMs = 60_000;
const pollMs = 50;

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
  const until = systemClock.elapsed() + patienceMs;
  while (await askControl(profile.control, { type: 'status' })) {
    if (systemClock.elapsed() > until)
      throw new Error(`Cluster ${name} has not ended within a minute: see process ${running.pid}`);
    await sleep(systemClock, pollMs, terminal.interrupted);
  }
  terminal.out(json ? JSON.stringify({ name, stopped: true }) : `Cluster ${name} has stopped`);
  return exitCodes.done;
}
