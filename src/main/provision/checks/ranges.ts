interface Span {
  readonly from: number;
  readonly to: number;
}

/** Whether two IPv4 ranges (`10.0.0.0/8`, or an address alone) have an address in common. */
export function overlap(left: string, right: string): boolean {
  const [a, b] = [spanOf(left), spanOf(right)];
  return a !== undefined && b !== undefined && a.from <= b.to && b.from <= a.to;
}

function spanOf(cidr: string): Span | undefined {
  const found = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr);
  if (!found) return undefined;
  const [a, b, c, d] = found.slice(1, 5).map(Number);
  const size = 2 ** (32 - Number(found[5] ?? 32));
  const address = ((a! * 256 + b!) * 256 + c!) * 256 + d!;
  const from = address - (address % size);
  return { from, to: from + size - 1 };
}
