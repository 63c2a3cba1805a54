import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import { parseCommand, UsageError, type Command } from '#main/config.ts';

const interruption = new AbortController();
const terminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  interrupted: interruption.signal,
  pid: process.pid,
};

/** The first asks for a clean end, the second does not wait for it. */
function interrupt(signal: NodeJS.Signals): void {
  if (interruption.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
  interruption.abort(new Error(`Interrupted by ${signal}`));
}
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
// Whoever read our output has gone; what we do matters more.
process.stdout.on('error', () => {});

type Runner<C> = (command: C) => Promise<ExitCode>;

/** Each command is loaded when it is run: none pays for the others. */
const runners: { readonly [T in Command['type']]: Runner<Extract<Command, { type: T }>> } = {
  up: async (command) => (await import('#main/commands/up.ts')).up(command, terminal),
  status: async (command) => (await import('#main/commands/status.ts')).status(command, terminal),
  down: async (command) => (await import('#main/commands/down.ts')).down(command, terminal),
  kubeconfig: async (command) =>
    (await import('#main/commands/kubeconfig.ts')).kubeconfig(command, terminal),
  snapshot: async (command) =>
    (await import('#main/commands/snapshot.ts')).snapshot(command, terminal),
  node: async (command) => (await import('#main/commands/node.ts')).node(command, terminal),
  image: async (command) => (await import('#main/commands/image.ts')).image(command, terminal),
  async version({ json }) {
    const { version } = await import('#main/control-plane/version.ts');
    terminal.out(json ? JSON.stringify({ version }) : version);
    return exitCodes.done;
  },
  async help({ topic }) {
    const { helpText } = await import('#main/commands/help.ts');
    terminal.out(helpText(topic));
    return exitCodes.done;
  },
};

try {
  const command = parseCommand(process.argv.slice(2), process.env);
  const runner = runners[command.type] as Runner<Command>;
  process.exitCode = await runner(command);
} catch (error) {
  const { message } = error as Error;
  if (error instanceof UsageError) {
    terminal.note(`pilothouse: ${message}; see "pilothouse help"`);
    process.exitCode = exitCodes.usage;
  } else {
    terminal.note(`pilothouse: ${message}`);
    process.exitCode = exitCodes.failed;
  }
}
