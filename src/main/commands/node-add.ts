import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { nodeCertificate, nodeServingCertificate } from '#main/clusters/certificates.ts';
import { askControl, type LinkedNode } from '#main/clusters/control-socket.ts';
import { writeNode, type NodeRecord } from '#main/clusters/node-records.ts';
import { openPki } from '#main/clusters/pki.ts';
import { readSettings, type ClusterProfile } from '#main/clusters/profile.ts';
import { enter, narrator } from '#main/commands/node-login.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { NodeCommand } from '#main/config.ts';
import { architectureOf, openAssets } from '#main/provision/assets.ts';
import { check, type CheckedNode, type Finding } from '#main/provision/checks/index.ts';
import { inspect, type Facts } from '#main/provision/facts.ts';
import type { Login } from '#main/provision/login.ts';
import { planOf, provision, type PlannedStep } from '#main/provision/provision.ts';
import { openAccessKey } from '#main/provision/ssh/access-key.ts';
import { parseTarget } from '#main/provision/ssh/target.ts';
import type { NodePlan, StepContext } from '#main/provision/step.ts';
import { neededPackages } from '#main/provision/steps/packages.ts';
import { sleep } from '#shared/base/clock.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import { firstOfEachFamily } from '#shared/kube/ip.ts';

const readyWithinMs = 90_000;
const lookEveryMs = 500;

/** Where the build puts what nodes are sent. */
const bundle = join(import.meta.dirname, '../../../out/agent');

/** Checks a machine, shows the plan, makes it a node and waits until it is one. */
export async function addNode(
  command: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<ExitCode> {
  const { dryRun, json } = command;
  if (!dryRun && !(await askControl(profile.control, { type: 'status' })))
    throw new Error(
      `Cluster ${profile.name} is not running: start it with "pilothouse up --name ${profile.name}", then add the node`,
    );
  const machine = machineOf(command.machine);
  await using login = await enter(command, profile, machine, terminal.interrupted);
  const facts = await inspect(login.machine, { clock: systemClock, packages: neededPackages });
  const wanted = await wantedNode(command, profile, facts);
  const findings = check(facts, wanted).filter(({ check: name }) => !command.ignore.includes(name));
  for (const { severity, check: name, message } of findings)
    terminal.note(`${severity === 'error' ? 'Problem' : 'Note'} (${name}): ${message}`);
  refuse(findings, login.machine.name);
  const { interrupted: signal } = terminal;
  const context = await contextOf(command, profile, { login, facts, wanted, machine, signal });
  const planned = await planOf(context);
  if (dryRun) {
    terminal.out(
      json ? JSON.stringify({ node: wanted.nodeName, planned }) : shown(planned, wanted),
    );
    return exitCodes.done;
  }
  if (planned.length > 0) await provision(context, narrator(command, terminal));
  await writeNode(profile.nodes, { name: wanted.nodeName, machine });
  if (planned.length > 0 || !(await isLinked(wanted.nodeName, profile)))
    await askControl(profile.control, { type: 'link', node: wanted.nodeName });
  await untilReady(wanted.nodeName, profile, terminal.interrupted);
  terminal.out(
    json
      ? JSON.stringify({ node: wanted.nodeName, ready: true, changed: planned.length > 0 })
      : `Node ${wanted.nodeName} is ready${planned.length > 0 ? '' : ': nothing had to be changed'}`,
  );
  return exitCodes.done;
}

function machineOf(text: string): NodeRecord['machine'] {
  return text === 'local' ? { type: 'local' } : { type: 'ssh', ...parseTarget(text) };
}

/** What the machine is to be as a node, as far as checks need it. */
export async function wantedNode(
  { nodeName }: { readonly nodeName: string | undefined },
  profile: ClusterProfile,
  facts: Facts,
): Promise<CheckedNode> {
  const { podRange, serviceRange } = await readSettings(profile);
  const pki = await openPki({ folder: profile.pki, clock: systemClock });
  const { publicKey } = new X509Certificate(pki.authority('cluster').certificate);
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return {
    nodeName: nodeName ?? facts.agent?.nodeName ?? facts.hostname,
    cluster: createHash('sha256').update(key).digest('hex').slice(0, 16),
    podRange,
    serviceRange,
    packages: neededPackages,
  };
}

function refuse(findings: readonly Finding[], name: string): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  const names = errors.map((finding) => finding.check).join(', ');
  throw new Error(
    `Machine ${name} cannot become a node, and nothing has been changed on it: ${errors[0]!.message}${errors.length > 1 ? ` (and ${errors.length - 1} more, above)` : ''}. To try it all the same, add --ignore ${names}`,
  );
}

interface Found {
  readonly login: Login;
  readonly facts: Facts;
  readonly wanted: CheckedNode;
  readonly machine: NodeRecord['machine'];
  readonly signal: AbortSignal;
}

/** All that the steps need, credentials made for the node included. */
export async function contextOf(
  { home }: { readonly home: string },
  profile: ClusterProfile,
  { login, facts, wanted, machine, signal }: Found,
): Promise<StepContext> {
  const architecture = architectureOf(facts.machine);
  const { addresses, ...others } = { ...wanted, addresses: addressesOf(facts) };
  const plan: NodePlan = {
    ...others,
    addresses,
    credentials: await credentialsOf(profile, wanted.nodeName, addresses),
    access: {
      user: login.user,
      ...(machine.type === 'ssh' && {
        publicKey: (await openAccessKey(join(profile.ssh, 'id_ed25519'))).publicKey,
      }),
    },
  };
  return {
    machine: login.machine,
    facts,
    plan,
    assets: await openAssets(architecture, { bundle, cache: join(home, 'cache') }),
    signal,
    progress: () => {},
  };
}

/** The one that we reached it by comes first: others reach it by that, too. */
function addressesOf({ address, addresses }: Facts): readonly string[] {
  return firstOfEachFamily([address, ...addresses].filter((one) => one !== ''));
}

async function credentialsOf(
  profile: ClusterProfile,
  nodeName: string,
  addresses: readonly string[],
): Promise<NodePlan['credentials']> {
  const pki = await openPki({ folder: profile.pki, clock: systemClock });
  const client = await pki.certificate(nodeCertificate(nodeName));
  const serving = await pki.certificate(nodeServingCertificate(nodeName, addresses));
  return {
    authority: pki.authority('cluster').certificate,
    certificate: client.certificate,
    key: client.key,
    servingCertificate: serving.certificate,
    servingKey: serving.key,
  };
}

function shown(planned: readonly PlannedStep[], { nodeName }: CheckedNode): string {
  if (planned.length === 0) return `Nothing would be changed for node ${nodeName}`;
  const lines = planned.flatMap(({ step, changes }) =>
    changes.map((one) => `  ${step.padEnd(12)} ${one}`),
  );
  return [`To make it node ${nodeName}:`, ...lines].join('\n');
}

/** Resolves once the node is ready and its tunnel stands. Throws saying what keeps it. */
export async function untilReady(
  name: string,
  profile: ClusterProfile,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = systemClock.elapsed();
  for (;;) {
    const found = await linked(name, profile);
    if (found?.ready && found.tunnel === 'connected') return;
    if (found?.tunnel === 'stopped' || systemClock.elapsed() - startedAt > readyWithinMs)
      throw new Error(
        `Node ${name} is set up, but not ready: its tunnel is ${found?.tunnel ?? 'closed'}${found?.why ? `, ${found.why}` : ''}; see "journalctl -u pilothouse-agent" on it`,
      );
    await sleep(systemClock, lookEveryMs, signal);
  }
}

async function linked(name: string, profile: ClusterProfile): Promise<LinkedNode | undefined> {
  const nodes = (await askControl(profile.control, { type: 'nodes' })) ?? [];
  return nodes.find((node) => node.name === name);
}

async function isLinked(name: string, profile: ClusterProfile): Promise<boolean> {
  return (await linked(name, profile))?.tunnel === 'connected';
}
