import { askControl, type LinkedNode } from '#main/clusters/control-socket.ts';
import { readNode, readNodes, removeNode, describeMachine } from '#main/clusters/node-records.ts';
import { clusterProfile, type ClusterProfile } from '#main/clusters/profile.ts';
import { addNode } from '#main/commands/node-add.ts';
import { enter, narrator } from '#main/commands/node-login.ts';
import { exitCodes, type ExitCode, type Terminal } from '#main/commands/terminal.ts';
import type { NodeCommand } from '#main/config.ts';
import { deprovision } from '#main/provision/provision.ts';

/** Makes machines nodes, and machines of nodes again. */
export async function node(command: NodeCommand, terminal: Terminal): Promise<ExitCode> {
  const profile = clusterProfile(command.home, command.name, command.dataDir);
  const actions = { add: addNode, list, remove } as const;
  return actions[command.action](command, profile, terminal);
}

async function list(
  { json }: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<ExitCode> {
  const running = await askControl(profile.control, { type: 'nodes' });
  const records = await readNodes(profile.nodes);
  const nodes: readonly LinkedNode[] =
    running ??
    records.map((record) => ({
      name: record.name,
      machine: describeMachine(record),
      tunnel: 'the cluster is not running',
    }));
  if (json) terminal.out(JSON.stringify(nodes));
  else if (nodes.length === 0)
    terminal.out('No machines have been added: "pilothouse node add" does');
  else terminal.out(nodes.map(row).join('\n'));
  return exitCodes.done;
}

function row({ name, machine, tunnel, why, ready }: LinkedNode): string {
  const state = ready === undefined ? 'not registered' : ready ? 'Ready' : 'NotReady';
  return [name.padEnd(20), state.padEnd(14), machine.padEnd(36), tunnel, why && `(${why})`]
    .filter(Boolean)
    .join(' ');
}

async function remove(
  command: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<ExitCode> {
  const name = command.machine;
  const record = await readNode(profile.nodes, name);
  if (!record) throw new Error(`There is no node ${name} on record: see "pilothouse node list"`);
  if (!command.forget) {
    await using login = await enter(command, profile, record.machine).catch((cause: Error) => {
      throw new Error(
        `${cause.message}. To forget node ${name} and leave its machine as it is, add --forget`,
        { cause },
      );
    });
    await deprovision(login.machine, narrator(command, terminal));
  }
  await askControl(profile.control, { type: 'unlink', node: name });
  await removeNode(profile.nodes, name);
  terminal.out(
    command.json
      ? JSON.stringify({ name, removed: true, machineCleaned: !command.forget })
      : command.forget
        ? `Node ${name} is forgotten; its machine is as it was left`
        : `Node ${name} is removed; its machine is as it was before`,
  );
  return exitCodes.done;
}
