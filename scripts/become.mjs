import { spawn } from 'node:child_process';

/** Runs the command in this process's place: same terminal, same signals, same end. */
export function become(command, args, env) {
  const child = spawn(command, args, { env, stdio: 'inherit' });
  // A terminal's Ctrl-C has reached the child already, and a second one would not wait for a clean end.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // npm ends its shell, not us: a parent that has gone is a wish to stop, too.
  const parent = process.ppid;
  const orphaned = () => process.ppid !== parent && child.kill('SIGTERM');
  setInterval(orphaned, 500).unref();
  child.on('error', (error) => {
    console.error(`Cannot run ${command}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
