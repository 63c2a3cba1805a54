import { PartBuilder } from '#agent/nftables/part.ts';
import type { RunProgram } from '#agent/nftables/program.ts';
import { NftTable, removeTable } from '#agent/nftables/table.ts';
import type { Log } from '#shared/base/log.ts';

const tableName = 'ip pilothouse-dns';
const serverAddress = 'server-address';

/**
 * Gives this node the cluster's DNS address, so that whoever asks there is answered here. Packets to
 * and from it are kept out of connection tracking: no proxy of services, ours or another, sees them,
 * and a flood of queries fills no table. The scope keeps the address from ever being a source.
 */
export class ClaimedAddress {
  readonly #address: string;
  readonly #run: RunProgram;
  readonly #table: NftTable;

  constructor(address: string, run: RunProgram) {
    this.#address = address;
    this.#run = run;
    this.#table = new NftTable({ name: tableName, run, witness: `set ${serverAddress}` });
    this.#table.put('', rulesFor());
    this.#table.put('address', new PartBuilder().element(serverAddress, address));
  }

  async claim(): Promise<void> {
    const onLoopback = [`${this.#address}/32`, 'dev', 'lo', 'scope', 'host'];
    await this.#run('ip', ['address', 'replace', ...onLoopback]);
    await this.#table.apply();
  }

  /** Claims it again where somebody took the address away or flushed the rule set. */
  async repair(log: Log): Promise<void> {
    const isHeld = await holds(this.#address, this.#run);
    if (isHeld && (await this.#table.check())) return;
    log.warn('The DNS address or its rules are gone; somebody removed them. Making them anew');
    await this.claim();
  }
}

/** Gives the address back; nothing is left. */
export async function releaseAddress(address: string, run: RunProgram): Promise<void> {
  await removeTable(tableName, run);
  if (await holds(address, run))
    await run('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
}

async function holds(address: string, run: RunProgram): Promise<boolean> {
  return (await run('ip', ['-o', 'address', 'show', 'dev', 'lo', 'to', `${address}/32`])) !== '';
}

function rulesFor(): PartBuilder {
  const asked = `ip daddr @${serverAddress} meta l4proto { tcp, udp } th dport 53 notrack`;
  const answered = `ip saddr @${serverAddress} meta l4proto { tcp, udp } th sport 53 notrack`;
  return new PartBuilder()
    .set(serverAddress, 'set { type ipv4_addr ; }')
    .chain('prerouting', [asked], 'type filter hook prerouting priority -300')
    .chain('output', [asked, answered], 'type filter hook output priority -300');
}
