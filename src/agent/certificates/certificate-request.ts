import { sign, type KeyObject } from 'node:crypto';
import { parseIp } from '#shared/kube/ip.ts';

export interface RequestedNames {
  readonly commonName: string;
  readonly organization: string;
  /** Host names and addresses. */
  readonly alternativeNames: readonly string[];
}

/** The encoded object identifiers that a request is made of. */
const oids = {
  commonName: '550403',
  organization: '55040a',
  extensionRequest: '2a864886f70d01090e',
  subjectAlternativeName: '551d11',
  ecdsaWithSha256: '2a8648ce3d040302',
} as const;

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  attributes: 0xa0,
  dnsName: 0x82,
  ipAddress: 0x87,
} as const;

/** A certificate request (PKCS #10) in PEM, signed by the P-256 key that the certificate is to be for. */
export function certificateRequest(
  names: RequestedNames,
  { publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
): string {
  const subject = sequence(
    relativeName('organization', names.organization),
    relativeName('commonName', names.commonName),
  );
  const info = sequence(
    der(tags.integer, Buffer.of(0)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(tags.attributes, ...extensionRequest(names.alternativeNames)),
  );
  const signature = sign('sha256', info, privateKey);
  const request = sequence(
    info,
    sequence(oid('ecdsaWithSha256')),
    der(tags.bitString, Buffer.of(0), signature),
  );
  const lines = request.toString('base64').match(/.{1,64}/g) ?? [];
  return [
    '-----BEGIN CERTIFICATE REQUEST-----',
    ...lines,
    '-----END CERTIFICATE REQUEST-----',
    '',
  ].join('\n');
}

function relativeName(type: 'organization' | 'commonName', value: string): Buffer {
  return der(tags.set, sequence(oid(type), der(tags.utf8, Buffer.from(value))));
}

function extensionRequest(names: readonly string[]): Buffer[] {
  if (names.length === 0) return [];
  const all = sequence(...names.map(generalName));
  const extension = sequence(oid('subjectAlternativeName'), der(tags.octetString, all));
  return [sequence(oid('extensionRequest'), der(tags.set, sequence(extension)))];
}

function generalName(name: string): Buffer {
  const address = parseIp(name);
  if (address) return der(tags.ipAddress, Buffer.from(address.bytes));
  return der(tags.dnsName, Buffer.from(name));
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return der(tags.sequence, ...contents);
}

function oid(name: keyof typeof oids): Buffer {
  return der(tags.oid, Buffer.from(oids[name], 'hex'));
}

/** One element of DER. */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  const hex = length.toString(16);
  const size = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, content]);
}
