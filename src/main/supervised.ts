import { up } from '#main/commands/up.ts';
import { windowHandlers } from '#main/commands/up-window.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import { parseCommand, UsageError } from '#main/config.ts';
import { createShellLink, type HandedPort } from '#main/window/shell-link.ts';
import { ClusterClock } from '#shared/base/cluster-clock.ts';
import type { Log } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { app } from '#shared/contract/app.ts';
import type { FromControlPlane } from '#shared/contract/supervision.ts';

/**
 * `pilothouse up` for the desktop shell: its windows come through the shell's ports. The shell runs
 * it as a utility process, or in a plain Node where Electron's own is too old.
 */

/** What a utility process has in the place of a channel to its parent. */
interface ParentPort {
  on(
    event: 'message',
    listener: (message: { readonly data: unknown; readonly ports: HandedPort[] }) => void,
  ): unknown;
  postMessage(message: FromControlPlane): void;
}

const { parentPort } = process as unknown as { readonly parentPort?: ParentPort };
const interruption = new AbortController();
const terminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  interrupted: interruption.signal,
  pid: process.pid,
};
let log: Log | undefined;
const time = new ClusterClock(systemClock);

const shell = createShellLink({
  send,
  onPower(state) {
    if (state === 'suspend') time.pause();
    else time.resume();
  },
  onStop: () => end('The shell asked for it'),
  onRefused: (why) =>
    log ? log.warn('Refused a message of the window', { why }) : terminal.note(`Refused ${why}`),
});

function send(message: FromControlPlane): void {
  if (parentPort) parentPort.postMessage(message);
  else if (process.connected) process.send?.(message);
}

function end(why: string): void {
  if (!interruption.signal.aborted) interruption.abort(new Error(why));
}

if (parentPort) parentPort.on('message', ({ data, ports }) => shell.receive(data, ports));
else {
  process.on('message', (message) => shell.receive(message));
  process.on('disconnect', () => end('The shell has gone'));
}
// A terminal's Ctrl-C reaches the shell as well, and the shell decides.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {
  if (interruption.signal.aborted) process.exit(143);
  end('Interrupted by SIGTERM');
});
// Whoever read our output has gone; what we do matters more.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

async function run(): Promise<ExitCode> {
  try {
    const command = parseCommand(['up', ...process.argv.slice(2)], process.env);
    if (command.type !== 'up') throw new UsageError('the desktop shell takes the options of "up"');
    return await up({ ...command, window: false }, terminal, {
      time,
      onReady(services) {
        ({ log } = services);
        const handlers = windowHandlers(services);
        shell.open(app, handlers);
        const { server, kubeconfig } = services.running;
        send({ type: 'ready', server, kubeconfig });
        return {
          [Symbol.dispose]() {
            shell.close('The cluster is stopping');
            handlers[Symbol.dispose]();
          },
        };
      },
    });
  } catch (error) {
    const { message } = error as Error;
    terminal.note(`pilothouse: ${message}`);
    const isFinal = error instanceof UsageError;
    send({ type: 'failed', why: message.slice(0, 4096), isFinal });
    return isFinal ? exitCodes.usage : exitCodes.failed;
  }
}

process.exit(await run());
