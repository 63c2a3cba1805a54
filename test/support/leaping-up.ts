import { up } from '#main/commands/up.ts';
import { parseCommand } from '#main/config.ts';
import { ClusterClock } from '#shared/base/cluster-clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { LeapingClock } from './leaping-clock.ts';

/** The command `up` with a time that leaps by as many milliseconds as its standard input says. */

const interruption = new AbortController();
process.once('SIGTERM', () => interruption.abort(new Error('Stopped')));
const host = new LeapingClock(systemClock);
process.stdin.on('data', (line: Buffer) => {
  host.leap(Number(line));
});

const command = parseCommand(process.argv.slice(2), process.env);
if (command.type !== 'up') throw new Error('Only "up" can leap');
process.exitCode = await up(
  command,
  {
    out: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    interrupted: interruption.signal,
    pid: process.pid,
  },
  { time: new ClusterClock(host) },
);
process.stdin.destroy();
