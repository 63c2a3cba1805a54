import { clientCertificates } from '#main/clusters/certificates.ts';
import { contextName, kubeconfigText, mergeKubeconfig } from '#main/clusters/kubeconfig.ts';
import { openPki } from '#main/clusters/pki.ts';
import { clusterProfile, readSettings } from '#main/clusters/profile.ts';
import { readIfPresent } from '#main/clusters/secure-files.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { KubeconfigCommand } from '#main/config.ts';
import { systemClock } from '#shared/base/system-clock.ts';

/** Prints a cluster's kubeconfig, or merges it into the user's own. */
export async function kubeconfig(
  command: KubeconfigCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { home, name, dataDir, json, mergeInto } = command;
  const profile = clusterProfile(home, name, dataDir);
  const { port } = await readSettings(profile);
  if (port === undefined || (await readIfPresent(profile.kubeconfig)) === undefined)
    throw new Error(
      `There is no cluster ${name} in ${profile.folder} yet: run "pilothouse up" first`,
    );
  const pki = await openPki({ folder: profile.pki, clock: systemClock });
  const entry = {
    name,
    server: `https://127.0.0.1:${port}`,
    authority: pki.authority('cluster').certificate,
    client: await pki.certificate(clientCertificates.admin),
  };
  if (mergeInto === undefined) {
    const text = kubeconfigText(entry).trimEnd();
    terminal.out(json ? JSON.stringify({ name, kubeconfig: text }) : text);
    return exitCodes.done;
  }
  const { backup } = await mergeKubeconfig(mergeInto, entry);
  const context = contextName(name);
  if (json) terminal.out(JSON.stringify({ name, context, file: mergeInto, backup }));
  else {
    terminal.out(`Context ${context} is now the current one in ${mergeInto}`);
    if (backup) terminal.out(`What was there before is kept in ${backup}`);
  }
  return exitCodes.done;
}
