import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readAgentSettings } from '#agent/settings.ts';
import { bridge } from '#agent/tunnel/bridge.ts';
import { createLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** An error says what happened, not what it is made of. */
function plain(_name: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

/** `run --settings FILE`: what the node's service starts. Ends cleanly on SIGTERM and SIGINT. */
async function run(file: string): Promise<void> {
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.resolve());
  // The journal adds the time.
  const log = createLog(({ level, sentence, fields }) => {
    process.stderr.write(`${JSON.stringify({ level, msg: sentence, ...fields }, plain)}\n`);
  });
  // The bridge does without: it carries bytes for as long as the tunnel stands.
  const { startAgent } = await import('#agent/index.ts');
  await using _agent = await startAgent({ file, clock: systemClock, log });
  log.info('Agent started', { settings: file });
  await ended.promise;
}

/** `bridge`: what the desktop starts through SSH; its standard streams are one end of the tunnel. */
async function attach(file: string): Promise<void> {
  const { folders } = await readAgentSettings(file);
  const { stdin: input, stdout: output } = process;
  await bridge(join(folders.run, 'agent.sock'), { input, output });
  process.exit(0);
}

const commands: Readonly<Record<string, (settings: string) => Promise<void>>> = {
  run,
  bridge: attach,
};

/** Nothing is awaited at the top: the bundle is a script, which loads less of Node than a module does. */
async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { settings: { type: 'string', default: '/var/lib/pilothouse/agent.json' } },
  });
  const command = commands[positionals[0] ?? ''];
  if (!command) {
    process.stderr.write('Usage: pilothouse-agent run|bridge [--settings FILE]\n');
    process.exitCode = 2;
    return;
  }
  try {
    await command(values.settings);
  } catch (error) {
    process.stderr.write(`pilothouse-agent: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

void main();
