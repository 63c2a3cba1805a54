/** IP addresses and ranges, as Go's net and net/netip read and write them. */
export interface IpAddress {
  /** 4 or 6 as it was written; a mapped IPv4 address is 6 here with `isMapped`. */
  readonly family: 4 | 6;
  /** 4 bytes for IPv4 (mapped ones too), 16 for IPv6. */
  readonly bytes: readonly number[];
  readonly isMapped: boolean;
  /** Was written with leading zeros in an IPv4 part, which only old software accepts. */
  readonly hasLeadingZeros: boolean;
}

export interface IpRange {
  readonly address: IpAddress;
  readonly bits: number;
  readonly hasLeadingZeros: boolean;
}

/** Tolerant of leading zeros; `undefined` when the text is no address. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Tolerant of leading zeros and of bits beyond the prefix. */
export function parseCidr(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const mask = text.slice(slash + 1);
  if (!address || !/^\d+$/.test(mask)) return undefined;
  const bits = Number(mask);
  if (bits > (address.family === 4 ? 32 : 128)) return undefined;
  const hasLeadingZeros = address.hasLeadingZeros || (mask.length > 1 && mask.startsWith('0'));
  return { address, bits, hasLeadingZeros };
}

/** The canonical text, as Go's `net.IP.String`: a mapped IPv4 address is written as IPv4. */
export function formatIp({ bytes }: Pick<IpAddress, 'bytes'>): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let index = 0; index < 16; index += 2) groups.push(bytes[index]! * 256 + bytes[index + 1]!);
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The range's first address and its length: `10.0.0.0/8`. */
export function formatCidr({ address, bits }: IpRange): string {
  const length = address.isMapped ? bits - 96 : bits;
  return `${formatIp({ bytes: masked(address.bytes, length) })}/${length}`;
}

/** Whether bits are set beyond the prefix. */
export function hasHostBits({ address, bits }: IpRange): boolean {
  const network = masked(address.bytes, address.isMapped ? bits - 96 : bits);
  return network.some((byte, index) => byte !== address.bytes[index]);
}

/** Whether the address lies in the range; false where either text is none. */
export function isInRange(address: string, range: IpRange | undefined): boolean {
  const bytes = parseIp(address)?.bytes;
  if (!range || !bytes || range.address.bytes.length !== bytes.length) return false;
  const bits = range.address.isMapped ? range.bits - 96 : range.bits;
  return bytes.every((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return (byte ^ range.address.bytes[index]!) >> (8 - kept) === 0;
  });
}

export function isIpv6(text: string): boolean {
  return parseIp(text)?.bytes.length === 16;
}

/** At most one address of each family, which is all that the API takes of a host. */
export function firstOfEachFamily(addresses: readonly string[]): readonly string[] {
  const found = [false, true].map((isSix) => addresses.findIndex((one) => isIpv6(one) === isSix));
  return addresses.filter((_, index) => found.includes(index));
}

/** Whether the texts hold at least one address of each family. */
export function isDualStack(addresses: readonly (IpAddress | undefined)[]): boolean {
  const lengths = new Set(addresses.map((address) => address?.bytes.length));
  return lengths.has(4) && lengths.has(16);
}

export function isUnspecified({ bytes }: IpAddress): boolean {
  return bytes.every((byte) => byte === 0);
}

export function isLoopback({ bytes }: IpAddress): boolean {
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

export function isLinkLocalUnicast({ bytes }: IpAddress): boolean {
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254;
  return bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

export function isLinkLocalMulticast({ bytes }: IpAddress): boolean {
  if (bytes.length === 4) return bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0;
  return bytes[0] === 0xff && (bytes[1]! & 0x0f) === 0x02;
}

function masked(bytes: readonly number[], bits: number): number[] {
  return bytes.map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
}

function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d+$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  const hasLeadingZeros = parts.some((part) => part.length > 1 && part.startsWith('0'));
  return { family: 4, bytes, isMapped: false, hasLeadingZeros };
}

function parseIpv6(text: string): IpAddress | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : undefined;
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const known = head.groups.length + (tail?.groups.length ?? 0);
  if (tail ? known > 7 : known !== 8) return undefined;
  if (head.hasIpv4 && tail) return undefined;
  const zeros = Array.from({ length: 8 - known }, () => 0);
  const groups = [...head.groups, ...(tail ? [...zeros, ...tail.groups] : [])];
  const bytes = groups.flatMap((group) => [group >> 8, group & 0xff]);
  const hasLeadingZeros = head.hasLeadingZeros || (tail?.hasLeadingZeros ?? false);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return { family: 6, bytes: isMapped ? bytes.slice(12) : bytes, isMapped, hasLeadingZeros };
}

interface Groups {
  readonly groups: readonly number[];
  readonly hasIpv4: boolean;
  readonly hasLeadingZeros: boolean;
}

function groupsOf(text: string): Groups | undefined {
  if (text === '') return { groups: [], hasIpv4: false, hasLeadingZeros: false };
  const parts = text.split(':');
  const groups: number[] = [];
  let ipv4: IpAddress | undefined;
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      ipv4 = parseIpv4(part);
      if (!ipv4) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = ipv4.bytes;
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return { groups, hasIpv4: ipv4 !== undefined, hasLeadingZeros: ipv4?.hasLeadingZeros ?? false };
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}
