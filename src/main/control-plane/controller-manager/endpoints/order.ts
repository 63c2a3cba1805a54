const encoder = new TextEncoder();
const prime = 0x0000000001000000000000000000013bn;
const offset = 0x6c62272e07bb014262b821756295c58dn;
const mask = (1n << 128n) - 1n;

interface Port {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly appProtocol?: string;
}

/** Upstream keeps ports in the order of a hash of how Go prints them: in a slice … */
export function slicePortHash({ name, port, protocol, appProtocol }: Port): string {
  return hash(
    `(v1.EndpointPort){Name:(*string)${name ?? ''} Protocol:(*v1.Protocol)${protocol ?? ''} ` +
      `Port:(*int32)${port ?? 0} AppProtocol:(*string)${appProtocol ?? '<nil>'}}`,
  );
}

/** … and in Endpoints. */
export function endpointsPortHash({ name = '', port, protocol, appProtocol }: Port): string {
  return hash(
    `(v1.EndpointPort){Name:(string)${name} Port:(int32)${port ?? 0} ` +
      `Protocol:(v1.Protocol)${protocol ?? ''} AppProtocol:(*string)${appProtocol ?? '<nil>'}}`,
  );
}

export function sortedByHash<P extends Port>(
  ports: readonly P[],
  hashOf: (port: P) => string,
): P[] {
  if (ports.length < 2) return [...ports];
  const hashed = ports.map((port) => [hashOf(port), port] as const);
  return hashed.sort(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, port]) => port);
}

/** 128-bit FNV-1a in hexadecimal. */
function hash(text: string): string {
  let value = offset;
  for (const byte of encoder.encode(text)) value = ((value ^ BigInt(byte)) * prime) & mask;
  return value.toString(16).padStart(32, '0');
}
