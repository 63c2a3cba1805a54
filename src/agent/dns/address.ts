import { PartBuilder } from '#agent/nftables/part.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import { NftTable, removeTable } from '#agent/nftables/table.ts';

const tableName = 'ip pilothouse-dns';
const serverAddress = 'server-address';

/**
 * Gives this node the cluster's DNS address, so that whoever asks there is answered here. Packets to
 * and from it are kept out of connection tracking: no proxy of services, ours or another, sees them,
 * and a flood of queries fills no table. The scope keeps the address from ever being a source.
 */
export async function claimAddress(address: string, run: RunProgram): Promise<void> {
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', 'lo', 'scope', 'host']);
  const table = new NftTable({ name: tableName, run, witness: `set ${serverAddress}` });
  table.put('', rulesFor());
  table.put('address', new PartBuilder().element(serverAddress, address));
  await table.apply();
}

/** Gives the address back; nothing is left. */
export async function releaseAddress(address: string, run: RunProgram): Promise<void> {
  await removeTable(tableName, run);
  const held = await run('ip', ['-o', 'address', 'show', 'dev', 'lo', 'to', `${address}/32`]);
  if (held !== '') await run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
}

function rulesFor(): PartBuilder {
  const asked = `ip daddr @${serverAddress} meta l4proto { tcp, udp } th dport 53 notrack`;
  const answered = `ip saddr @${serverAddress} meta l4proto { tcp, udp } th sport 53 notrack`;
  return new PartBuilder()
    .set(serverAddress, 'set { type ipv4_addr ; }')
    .chain('prerouting', [asked], 'type filter hook prerouting priority -300')
    .chain('output', [asked, answered], 'type filter hook output priority -300');
}
