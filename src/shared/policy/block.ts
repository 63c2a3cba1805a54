import type { IPBlock } from '#shared/api/types/networking-v1.ts';
import { formatIp, isInRange, parseCidr } from '#shared/kube/ip.ts';

/** An `ipBlock`, compiled: says whether an address is in the range and in none of its exceptions. */
export interface Block {
  readonly source: IPBlock;
  has(address: string): boolean;
}

export function blockOf(source: IPBlock): Block {
  const whole = parseCidr(source.cidr);
  const exceptions = (source.except ?? []).map(parseCidr);
  return {
    source,
    has(address) {
      return (
        isInRange(address, whole) && !exceptions.some((exception) => isInRange(address, exception))
      );
    },
  };
}

/** The first address of a range and the first one after it: between them nothing changes. */
export function edgesOf(cidr: string): readonly string[] {
  const range = parseCidr(cidr);
  if (!range) return [];
  const { bytes, isMapped } = range.address;
  const bits = isMapped ? range.bits - 96 : range.bits;
  const hostMask = (index: number): number => 0xff >> Math.min(8, Math.max(0, bits - index * 8));
  const first = bytes.map((byte, index) => byte & ~hostMask(index));
  const last = first.map((byte, index) => byte | hostMask(index));
  if (last.every((byte) => byte === 0xff)) return [formatIp({ bytes: first })];
  const carries = last.findLastIndex((byte) => byte !== 0xff);
  const next = last.map((byte, index) =>
    index < carries ? byte : index === carries ? byte + 1 : 0,
  );
  return [formatIp({ bytes: first }), formatIp({ bytes: next })];
}
