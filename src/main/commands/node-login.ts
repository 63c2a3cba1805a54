import { join } from 'node:path';
import type { NodeRecord } from '#main/clusters/node-records.ts';
import type { ClusterProfile } from '#main/clusters/profile.ts';
import { terminalQuestions } from '#main/commands/terminal-questions.ts';
import type { Terminal } from '#main/commands/terminal.ts';
import type { NodeCommand } from '#main/config.ts';
import { logIn, logInHere, type Login } from '#main/provision/login.ts';
import type { Listener } from '#main/provision/provision.ts';
import { openHostKeys } from '#main/provision/ssh/host-keys.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** Root on the machine, asking whoever sits there for what is missing. */
export async function enter(
  { ssh, yes }: NodeCommand,
  profile: ClusterProfile,
  machine: NodeRecord['machine'],
  signal?: AbortSignal,
): Promise<Login> {
  const questions = terminalQuestions({ yes });
  if (machine.type === 'local') return logInHere(questions);
  const { user, host, port } = machine;
  const own = join(profile.ssh, 'known_hosts');
  return logIn({
    target: { user, host, port },
    credentials: ssh,
    hostKeys: await openHostKeys({ own, others: ssh.knownHosts }, questions),
    questions,
    clock: systemClock,
    signal,
  });
}

/** Tells what is being done, a line each; with `-o json` a JSON object each. */
export function narrator({ json }: NodeCommand, terminal: Terminal): Listener {
  if (json) return (event) => terminal.note(JSON.stringify(event));
  return (event) => {
    switch (event.type) {
      case 'begin':
        return terminal.note(`  ${event.step.padEnd(12)} ${event.changes.join('; ')}`);
      case 'progress':
        return terminal.note(`  ${event.step.padEnd(12)}   ${event.text}`);
      case 'done':
        return terminal.note(`  ${event.step.padEnd(12)} done`);
      case 'undone':
        return terminal.note(`  ${event.step.padEnd(12)} undone`);
    }
  };
}
