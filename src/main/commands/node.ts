import { askControl, type DrainNews, type LinkedNode } from '#main/clusters/control-socket.ts';
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
  const add = command.machine === 'simulated' ? addSimulated : addNode;
  const actions = { add, list, drain, remove } as const;
  return actions[command.action](command, profile, terminal);
}

async function addSimulated(
  { count, json }: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<ExitCode> {
  const nodes = await askControl(profile.control, { type: 'simulate', count });
  if (!nodes)
    throw new Error(
      `Cluster ${profile.name} is not running: "pilothouse up --name ${profile.name} --simulated-nodes ${count}" starts it with them`,
    );
  const said =
    nodes.length === 1
      ? `Node ${nodes[0]!} is registered: it runs no containers`
      : `Nodes ${nodes.join(', ')} are registered: they run no containers`;
  terminal.out(json ? JSON.stringify({ nodes }) : said);
  return exitCodes.done;
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

async function drain(
  command: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<ExitCode> {
  const { machine: node, force, json } = command;
  if (!(await drained(command, profile, terminal))) {
    terminal.note(`Cluster ${profile.name} is not running: start it with "pilothouse up"`);
    return exitCodes.notRunning;
  }
  terminal.out(json ? JSON.stringify({ node, drained: true, force }) : `node/${node} drained`);
  return exitCodes.done;
}

/** Whether the cluster is there to do it. */
async function drained(
  { machine: node, force, json }: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<boolean> {
  let last = '';
  const onProgress = (news: DrainNews): void => {
    const text = json ? JSON.stringify(news) : newsText(news);
    if (text !== last && text !== '') terminal.note(text);
    last = text;
  };
  const question = { type: 'drain', node, force } as const;
  const options = { onProgress, signal: terminal.interrupted };
  return (await askControl(profile.control, question, options)) ?? false;
}

function newsText(news: DrainNews): string {
  if ('warning' in news) return news.warning && `Warning: ${news.warning}`;
  const { gone, total, waitsFor } = news;
  if (total === 0) return '';
  const waiting = waitsFor && `; waiting: ${waitsFor}`;
  return `  drain        ${gone} of ${total} pods have gone${waiting}`;
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
    const { interrupted } = terminal;
    await using login = await enter(command, profile, record.machine, interrupted).catch(
      (cause: Error) => {
        throw new Error(
          `${cause.message}. To forget node ${name} and leave its machine as it is, add --forget`,
          { cause },
        );
      },
    );
    await drainBeforeRemoval(command, profile, terminal);
    await deprovision(login.machine, narrator(command, terminal), { signal: interrupted });
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

/** Pods of a node that is not ready go with it: nobody there would end them. */
async function drainBeforeRemoval(
  command: NodeCommand,
  profile: ClusterProfile,
  terminal: Terminal,
): Promise<void> {
  const { machine: name, force } = command;
  const nodes = await askControl(profile.control, { type: 'nodes' });
  const node = nodes?.find((each) => each.name === name);
  if (force || !node) return;
  if (node.ready === false) terminal.note(`Node ${name} is not ready: it is not drained`);
  else if (node.ready) await drained(command, profile, terminal);
}
