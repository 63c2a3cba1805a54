import { parseArgs } from 'node:util';
import { startAgent } from '#agent/index.ts';
import { createLog } from '#shared/base/log.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** `run --settings FILE`: what the node's service starts. Ends cleanly on SIGTERM and SIGINT. */
async function run(file: string): Promise<void> {
  const ended = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.resolve());
  // The journal adds the time.
  const log = createLog(({ level, sentence, fields }) => {
    process.stderr.write(`${JSON.stringify({ level, msg: sentence, ...fields })}\n`);
  });
  await using _agent = await startAgent({ file, clock: systemClock, log });
  log.info('Agent started', { settings: file });
  await ended.promise;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { settings: { type: 'string', default: '/var/lib/pilothouse/agent.json' } },
});
const [command] = positionals;
if (command !== 'run') {
  process.stderr.write('Usage: pilothouse-agent run [--settings FILE]\n');
  process.exitCode = 2;
} else {
  try {
    await run(values.settings);
  } catch (error) {
    process.stderr.write(`pilothouse-agent: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
