import { add, fixed, perCharacter, scaled } from '#shared/cel/cost-range.ts';
import type { CostRules, LibraryEntry } from '#shared/cel/functions.ts';
import { Opaque } from '#shared/cel/library/opaque.ts';
import { traversal } from '#shared/cel/library/sizes.ts';
import { CelError } from '#shared/cel/values.ts';
import {
  formatIp,
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isLoopback,
  isUnspecified,
  parseCidr,
  parseIp,
  type IpAddress,
  type IpRange,
} from '#shared/kube/ip.ts';

const ip = 'net.IP';
const cidr = 'net.CIDR';

type CelIp = Opaque<IpAddress>;
type CelCidr = Opaque<IpRange>;

const sameBytes = (left: IpAddress, right: IpAddress): boolean =>
  left.bytes.length === right.bytes.length &&
  left.bytes.every((byte, index) => byte === right.bytes[index]);

const celIp = (address: IpAddress): CelIp => new Opaque(ip, address, sameBytes);
const celCidr = (range: IpRange): CelCidr =>
  new Opaque(
    cidr,
    range,
    (left, right) => left.bits === right.bits && sameBytes(left.address, right.address),
  );

const isOfText = (test: (address: IpAddress) => boolean) => {
  return ({ content }: CelIp): boolean => test(content);
};

/** Comparing as many octets as the prefix has, and parsing what is text. */
function within(isRange: boolean, isText: boolean): CostRules {
  const octets = 16;
  return {
    cost([, other]) {
      const base = Math.ceil(2 * perCharacter);
      const mask = isRange ? Math.ceil(perCharacter) + 1 : 0;
      return base + mask + (isText ? Math.ceil((other as string).length * perCharacter) : 0);
    },
    estimate([, other]) {
      const base = scaled(fixed(octets * 2), perCharacter);
      const mask = isRange ? fixed(Math.ceil(octets * perCharacter) + 1) : fixed(0);
      const parsing = isText ? scaled(other!.size, perCharacter) : fixed(0);
      return { cost: add(base, mask, parsing) };
    },
  };
}

export const addresses: readonly LibraryEntry[] = [
  [`ip(string): ${ip}`, (text: string) => celIp(mustParseIp(text)), traversal(0)],
  ['isIP(string): bool', (text: string) => typeof ipOf(text) !== 'string', traversal(0)],
  ['ip.isCanonical(string): bool', isCanonical, traversal(0, 2)],
  [`${ip}::family(): int`, ({ content }: CelIp) => BigInt(content.family)],
  [`${ip}::isUnspecified(): bool`, isOfText(isUnspecified)],
  [`${ip}::isLoopback(): bool`, isOfText(isLoopback)],
  [`${ip}::isLinkLocalMulticast(): bool`, isOfText(isLinkLocalMulticast)],
  [`${ip}::isLinkLocalUnicast(): bool`, isOfText(isLinkLocalUnicast)],
  [`${ip}::isGlobalUnicast(): bool`, isOfText(isGlobalUnicast)],
  [`string(${ip}): string`, ({ content }: CelIp) => formatIp(content)],
  [`cidr(string): ${cidr}`, (text: string) => celCidr(mustParseCidr(text)), traversal(0)],
  ['isCIDR(string): bool', (text: string) => typeof cidrOf(text) !== 'string', traversal(0)],
  [
    `${cidr}::containsIP(string): bool`,
    (range: CelCidr, text: string) => holds(range.content, mustParseIp(text)),
    within(false, true),
  ],
  [
    `${cidr}::containsIP(${ip}): bool`,
    (range: CelCidr, address: CelIp) => holds(range.content, address.content),
    within(false, false),
  ],
  [
    `${cidr}::containsCIDR(string): bool`,
    (range: CelCidr, text: string) => holdsRange(range.content, mustParseCidr(text)),
    within(true, true),
  ],
  [
    `${cidr}::containsCIDR(${cidr}): bool`,
    (range: CelCidr, other: CelCidr) => holdsRange(range.content, other.content),
    within(true, false),
  ],
  [`${cidr}::ip(): ${ip}`, ({ content }: CelCidr) => celIp(content.address)],
  [`${cidr}::prefixLength(): int`, ({ content }: CelCidr) => BigInt(content.bits)],
  [`${cidr}::masked(): ${cidr}`, ({ content }: CelCidr) => celCidr(maskedRange(content))],
  [
    `string(${cidr}): string`,
    ({ content }: CelCidr) => `${formatIp(content.address)}/${content.bits}`,
  ],
];

function ipOf(text: string): IpAddress | string {
  if (text.includes('%'))
    return `IP address ${JSON.stringify(text)} with zone value is not allowed`;
  const address = parseIp(text);
  if (!address || address.hasLeadingZeros) {
    return `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`;
  }
  if (address.isMapped) {
    return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  }
  return address;
}

function mustParseIp(text: string): IpAddress {
  const address = ipOf(text);
  if (typeof address === 'string') throw new CelError(address);
  return address;
}

function isCanonical(text: string): boolean {
  return formatIp(mustParseIp(text)) === text;
}

function isGlobalUnicast(address: IpAddress): boolean {
  const [first = 0] = address.bytes;
  const isMulticast = address.bytes.length === 4 ? first >= 224 && first < 240 : first === 255;
  const isBroadcast = address.bytes.length === 4 && address.bytes.every((byte) => byte === 255);
  return !(
    isMulticast ||
    isBroadcast ||
    isUnspecified(address) ||
    isLoopback(address) ||
    isLinkLocalUnicast(address)
  );
}

function cidrOf(text: string): IpRange | string {
  const range = parseCidr(text);
  if (!range || range.hasLeadingZeros) {
    return `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): unable to parse`;
  }
  if (range.address.isMapped) {
    return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  }
  return range;
}

function mustParseCidr(text: string): IpRange {
  const range = cidrOf(text);
  if (typeof range === 'string') throw new CelError(range);
  return range;
}

function holds({ address, bits }: IpRange, { bytes }: IpAddress): boolean {
  if (bytes.length !== address.bytes.length) return false;
  return address.bytes.every((byte, index) => {
    const mask = maskAt(bits, index);
    return (byte & mask) === (bytes[index]! & mask);
  });
}

function holdsRange(outer: IpRange, inner: IpRange): boolean {
  return inner.bits >= outer.bits && holds(outer, inner.address);
}

function maskAt(bits: number, index: number): number {
  const left = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - left)) & 0xff;
}

function maskedRange({ address, bits, hasLeadingZeros }: IpRange): IpRange {
  const bytes = address.bytes.map((byte, index) => byte & maskAt(bits, index));
  return { address: { ...address, bytes }, bits, hasLeadingZeros };
}
