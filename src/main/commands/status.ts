import { askControl } from '#main/clusters/control-socket.ts';
import { clusterProfile } from '#main/clusters/profile.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { StatusCommand } from '#main/config.ts';

/** Tells whether a cluster is running, and where. */
export async function status(command: StatusCommand, terminal: Terminal): Promise<ExitCode> {
  const { home, name, dataDir, json } = command;
  const profile = clusterProfile(home, name, dataDir);
  const running = await askControl(profile.control, { type: 'status' });
  if (json) terminal.out(JSON.stringify({ name, running: running !== undefined, ...running }));
  else if (running)
    terminal.out(
      [
        `Cluster ${name} is ${running.server ? 'running' : 'starting'}: process ${running.pid}, Kubernetes ${running.version}`,
        ...(running.server ? [`  API         ${running.server}`] : []),
        `  kubeconfig  ${running.kubeconfig}`,
        ...(running.startedAt ? [`  since       ${running.startedAt}`] : []),
      ].join('\n'),
    );
  else terminal.out(`Cluster ${name} is not running; start it with "pilothouse up --name ${name}"`);
  return running ? exitCodes.done : exitCodes.notRunning;
}
