import type { RunProgram } from '#agent/nftables/program.ts';

const dropsAll = /^-P FORWARD DROP$/m;

/**
 * Lets pods' packets through a firewall that forwards nothing by itself, as Docker sets one up: what
 * one table drops no other can accept, so that the rules have to stand in that table. Everywhere else
 * nothing is done. True if anything was missing.
 */
export async function letPodsThrough(run: RunProgram, podRange: string): Promise<boolean> {
  const rules = await forwardRules(run);
  if (!dropsAll.test(rules)) return false;
  const missing = wantedRules(podRange).filter((rule) => !rules.includes(rule.join(' ')));
  for (const rule of missing) await run('iptables', ['-w', '-I', 'FORWARD', ...rule]);
  return missing.length > 0;
}

/** Takes the rules away again. */
export async function forgetPods(run: RunProgram, podRange: string): Promise<void> {
  const rules = await forwardRules(run);
  const found = wantedRules(podRange).filter((rule) => rules.includes(rule.join(' ')));
  for (const rule of found) await run('iptables', ['-w', '-D', 'FORWARD', ...rule]);
}

function wantedRules(podRange: string): readonly (readonly string[])[] {
  const rest = ['-m', 'comment', '--comment', 'pilothouse-pods', '-j', 'ACCEPT'];
  return ['-s', '-d'].map((side) => [side, podRange, ...rest]);
}

/** As iptables prints them; a machine without it has no such firewall. */
async function forwardRules(run: RunProgram): Promise<string> {
  try {
    return await run('iptables', ['-w', '-S', 'FORWARD']);
  } catch (error) {
    if ((error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT') return '';
    throw error;
  }
}
