import { join } from 'node:path';
import type { NodeHandlers } from '#main/clusters/control-socket.ts';
import { writeNode, type NodeRecord } from '#main/clusters/node-records.ts';
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
import type { MachineFacts, NodeStep } from '#shared/contract/nodes.ts';

export interface NodeMakingOptions {
  readonly command: Pick<UpCommand, 'home' | 'knownHosts' | 'sshKeys'>;
  readonly profile: ClusterProfile;
  readonly links: {
    /** `link` opens the tunnel to a machine that is on record; `unlink` closes it and deletes the Node. */
    readonly handlers: Pick<NodeHandlers, 'link' | 'unlink'>;
  };
}

const kibibyte = 1024;

/** What `pilothouse node add` does, with the window's person in the terminal's place. */
export function nodeAdder(options: NodeMakingOptions): NodeServices['addNode'] {
  return async (wantedMachine, dialogue) => {
    const { command, profile } = options;
    const { machine } = wantedMachine;
    const { tell, signal } = dialogue;
    const { identity } = wantedMachine;
    await using login = await enterAsAsked({ machine, identity }, options, dialogue);
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
    await provision(context, (event) => tell(stepOf(event)));
    await writeNode(profile.nodes, { name: wanted.nodeName, machine });
    await options.links.handlers.link(wanted.nodeName);
    tell({ type: 'waiting' });
    await untilReady(wanted.nodeName, profile, signal);
    const removal = `pilothouse node remove ${wanted.nodeName} --name ${profile.name}`;
    tell({ type: 'done', node: wanted.nodeName, removal });
  };
}

export interface WayIn {
  readonly machine: NodeRecord['machine'];
  /** A private key's file. */
  readonly identity: string | undefined;
}

/** Root on the machine, the window's person being asked for what is missing. */
export async function enterAsAsked(
  { machine, identity }: WayIn,
  { command, profile }: Pick<NodeMakingOptions, 'command' | 'profile'>,
  { questions, signal }: Pick<Dialogue<never>, 'questions' | 'signal'>,
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

/** What happens on a machine, as the window tells it. */
export function stepOf(event: ProvisionEvent): NodeStep {
  const { step } = event;
  const isOver = event.type === 'done' || event.type === 'undone';
  const text = event.type === 'progress' ? event.text : '';
  return { type: 'step', step, state: isOver ? 'done' : 'running', text };
}
