/** What a PKCS #10 request asks for, as far as Kubernetes looks at it. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emailAddresses: readonly string[];
  /** Dotted for IPv4, groups without compression for IPv6. */
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAlternativeName: '2.5.29.17',
} as const;

/**
 * Reads a CertificateSigningRequest's `spec.request` (base64 of PEM, as on the wire). Throws an `Error`
 * whose message is what upstream's validation says. The signature is not checked.
 */
export function parseCertificateRequest(request: string): CertificateRequest {
  const der = decodePem(atob(request));
  const [info] = children(readElement(der, 0));
  const [, subject, , attributes] = children(info);
  const names = relativeNames(subject);
  const valuesOf = (oid: string): string[] =>
    names.filter(([type]) => type === oid).map(([, value]) => value);
  return {
    commonName: valuesOf(oids.commonName).at(-1) ?? '',
    organizations: valuesOf(oids.organization),
    ...alternativeNames(attributes),
  };
}

/** The DER within the first PEM block. */
function decodePem(text: string): Uint8Array {
  const block = /-----BEGIN ([^-]+)-----\s+([\sA-Za-z0-9+/=]+)-----END \1-----/.exec(text);
  if (block?.[1] !== 'CERTIFICATE REQUEST')
    throw new Error('PEM block type must be CERTIFICATE REQUEST');
  return Uint8Array.from(atob(block[2]!.replace(/\s/g, '')), (character) =>
    character.charCodeAt(0),
  );
}

/** One DER element: its tag and where its content lies. */
interface Element {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function readElement(bytes: Uint8Array, offset: number): Element {
  const tag = byteAt(bytes, offset);
  let length = byteAt(bytes, offset + 1);
  let start = offset + 2;
  if (length > 0x80) {
    const size = length & 0x7f;
    if (size > 4) throw malformed('length too large');
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + byteAt(bytes, start + i);
    start += size;
  } else if (length === 0x80) throw malformed('indefinite length found (not DER)');
  const end = start + length;
  if (end > bytes.length) throw malformed('data truncated');
  return { tag, bytes, start, end };
}

function byteAt(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset];
  if (byte === undefined) throw malformed('data truncated');
  return byte;
}

function children(element: Element | undefined): Element[] {
  if (!element) throw malformed('sequence truncated');
  const found: Element[] = [];
  for (let at = element.start; at < element.end;) {
    const child = readElement(element.bytes.subarray(0, element.end), at);
    found.push(child);
    at = child.end;
  }
  return found;
}

function relativeNames(subject: Element | undefined): [oid: string, value: string][] {
  return children(subject)
    .flatMap(children)
    .map((attribute) => {
      const [type, value] = children(attribute);
      return [oidOf(type), textOf(value)];
    });
}

type AlternativeNames = Pick<
  CertificateRequest,
  'dnsNames' | 'emailAddresses' | 'ipAddresses' | 'uris'
>;

/** GeneralName's context tags that Kubernetes knows. */
const generalNames = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const;

function alternativeNames(attributes: Element | undefined): AlternativeNames {
  const names = attributes ? children(attributes).flatMap(requestedNames) : [];
  const withTag = (tag: number): Element[] => names.filter((name) => name.tag === tag);
  return {
    dnsNames: withTag(generalNames.dns).map(textOf),
    emailAddresses: withTag(generalNames.email).map(textOf),
    ipAddresses: withTag(generalNames.ip).map(addressOf),
    uris: withTag(generalNames.uri).map(textOf),
  };
}

function requestedNames(attribute: Element): Element[] {
  const [type, values] = children(attribute);
  if (oidOf(type) !== oids.extensionRequest) return [];
  return children(values).flatMap(children).flatMap(namesOfExtension);
}

function namesOfExtension(extension: Element): Element[] {
  const parts = children(extension);
  if (oidOf(parts[0]) !== oids.subjectAlternativeName) return [];
  const value = parts.at(-1)!;
  return children(readElement(value.bytes, value.start));
}

function oidOf(element: Element | undefined): string {
  if (element?.tag !== 0x06) throw malformed('object identifier expected');
  const parts: number[] = [];
  let part = 0;
  for (let at = element.start; at < element.end; at++) {
    const byte = byteAt(element.bytes, at);
    part = part * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0) {
      const first = Math.min(Math.floor(part / 40), 2);
      parts.push(first, part - first * 40);
    } else parts.push(part);
    part = 0;
  }
  return parts.join('.');
}

function textOf(element: Element | undefined): string {
  if (!element) throw malformed('string expected');
  const encodings: Readonly<Record<number, string>> = { 0x14: 'latin1', 0x1e: 'utf-16be' };
  const content = element.bytes.subarray(element.start, element.end);
  return new TextDecoder(encodings[element.tag] ?? 'utf-8').decode(content);
}

function addressOf({ bytes, start, end }: Element): string {
  const octets = [...bytes.subarray(start, end)];
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) throw malformed(`cannot parse IP address of length ${octets.length}`);
  const groups = Array.from({ length: 8 }, (_, i) => octets[2 * i]! * 256 + octets[2 * i + 1]!);
  return groups.map((group) => group.toString(16)).join(':');
}

function malformed(what: string): Error {
  return new Error(`asn1: structure error: ${what}`);
}
