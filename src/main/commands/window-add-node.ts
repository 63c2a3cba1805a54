import { join } from 'node:path';
import { writeNode } from '#main/clusters/node-records.ts';
import type { ClusterProfile } from '#main/clusters/profile.ts';
import { contextOf, untilReady, wantedNode } from '#main/commands/node-add.ts';
import type { UpCommand } from '#main/config.ts';
import { check } from '#main/provision/checks/index.ts';
import { inspect, type Facts } from '#main/provision/facts.ts';
import { logIn, logInHere, type Login } from '#main/provision/login.ts';
import { planOf, provision, type ProvisionEvent } from '#main/provision/provision.ts';
import { openHostKeys } from '#main/provision/ssh/host-keys.ts';
import { neededPackages } from '#main/provision/steps/packages.ts';
import type { Dialogue, NodeServices } from '#main/window/nodes.ts';
import { systemClock } from '#shared/base/system-clock.ts';
import type { AddNodeEvent, MachineFacts, NodeToAdd } from '#shared/contract/nodes.ts';

export interface NodeAdderOptions {
  readonly command: Pick<UpCommand, 'home' | 'knownHosts' | 'sshKeys'>;
  readonly profile: ClusterProfile;
  /** Opens the tunnel to a machine that is on record. */
  link(node: string): Promise<void>;
}

const kibibyte = 1024;

/** What `pilothouse node add` does, with the window's person in the terminal's place. */
export function nodeAdder(options: NodeAdderOptions): NodeServices['addNode'] {
  return async (wantedMachine, dialogue) => {
    const { command, profile } = options;
    const { machine } = wantedMachine;
    const { tell, signal } = dialogue;
    await using login = await enter(wantedMachine, options, dialogue);
    tell({ type: 'entered' });
    const facts = await inspect(login.machine, { clock: systemClock, packages: neededPackages });
    const wanted = await wantedNode({ nodeName: wantedMachine.nodeName }, profile, facts);
    const findings = check(facts, wanted);
    tell({ type: 'checked', facts: factsOf(facts, wanted.nodeName), findings });
    if (findings.some(({ severity }) => severity === 'error'))
      throw new Error('It cannot become a node yet, and nothing has been changed on it');
    const context = await contextOf(command, profile, { login, facts, wanted, machine, signal });
    tell({ type: 'plan', steps: await planOf(context) });
    await dialogue.approval();
    await provision(context, (event) => {
      const told = eventOf(event);
      if (told) tell(told);
    });
    await writeNode(profile.nodes, { name: wanted.nodeName, machine });
    await options.link(wanted.nodeName);
    tell({ type: 'waiting' });
    await untilReady(wanted.nodeName, profile, signal);
    const removal = `pilothouse node remove ${wanted.nodeName} --name ${profile.name}`;
    tell({ type: 'done', node: wanted.nodeName, removal });
  };
}

async function enter(
  { machine, identity }: NodeToAdd,
  { command, profile }: NodeAdderOptions,
  { questions, signal }: Dialogue,
): Promise<Login> {
  if (machine.type === 'local') return logInHere(questions);
  const { user, host, port } = machine;
  const own = join(profile.ssh, 'known_hosts');
  return logIn({
    target: { user, host, port },
    credentials: { ...command.sshKeys, identity },
    hostKeys: await openHostKeys({ own, others: command.knownHosts }, questions),
    questions,
    clock: systemClock,
    signal,
  });
}

function factsOf(facts: Facts, node: string): MachineFacts {
  const { system, machine, kernel, memoryKiB, addresses } = facts;
  const memoryBytes = memoryKiB * kibibyte;
  return { node, system: system.name, architecture: machine, kernel, memoryBytes, addresses };
}

function eventOf(event: ProvisionEvent): AddNodeEvent | undefined {
  const { step } = event;
  if (event.type === 'begin') return { type: 'step', step, state: 'running', text: '' };
  if (event.type === 'progress') return { type: 'step', step, state: 'running', text: event.text };
  if (event.type === 'done') return { type: 'step', step, state: 'done', text: '' };
  return undefined;
}
