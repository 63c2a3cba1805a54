/** What quoted text stands for; throws with cel-go's message where it cannot be. */
export function unquote(token: string): string {
  const { isRaw, content } = parts(token);
  return isRaw ? content : unescape(content);
}

/** The same for bytes, as octets. */
export function unquoteBytes(token: string): Uint8Array {
  const { isRaw, content } = parts(token.replace(/[bB]/, ''));
  if (isRaw) return new TextEncoder().encode(content);
  const octets: number[] = [];
  const encoder = new TextEncoder();
  for (const character of pieces(content)) {
    const octet = octetOf(character);
    if (octet === undefined) octets.push(...encoder.encode(decoded(character)));
    else octets.push(octet);
  }
  return Uint8Array.from(octets);
}

function parts(token: string): { readonly isRaw: boolean; readonly content: string } {
  const isRaw = /^[rR]/.test(token);
  const quoted = isRaw ? token.slice(1) : token;
  const size = /^(?:"""|''')/.test(quoted) && quoted.length >= 6 ? 3 : 1;
  return { isRaw, content: quoted.slice(size, -size).replaceAll('\r\n', '\n') };
}

const escape = /\\(?:[xX][\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-3][0-7]{2}|[\s\S])|[^\\]/gu;

function pieces(content: string): readonly string[] {
  return content.match(escape) ?? [];
}

function unescape(content: string): string {
  return content.includes('\\') ? pieces(content).map(decoded).join('') : content;
}

/** `\x41` and `\101` are octets in bytes, characters in text. */
function octetOf(piece: string): number | undefined {
  const hexadecimal = /^\\[xX]([\da-fA-F]{2})$/.exec(piece)?.[1];
  if (hexadecimal) return Number.parseInt(hexadecimal, 16);
  const octal = /^\\([0-3][0-7]{2})$/.exec(piece)?.[1];
  return octal ? Number.parseInt(octal, 8) : undefined;
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};

function decoded(piece: string): string {
  if (!piece.startsWith('\\')) return piece;
  const octet = octetOf(piece);
  if (octet !== undefined) return String.fromCodePoint(octet);
  const code = /^\\[uU]([\da-fA-F]+)$/.exec(piece)?.[1];
  if (code) {
    const point = Number.parseInt(code, 16);
    if (point > 0x10_ff_ff || (point >= 0xd8_00 && point <= 0xdf_ff)) {
      throw new Error('unable to unescape string');
    }
    return String.fromCodePoint(point);
  }
  const character = simple[piece.slice(1)];
  if (character === undefined) throw new Error('unable to unescape string');
  return character;
}

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;
const largestUnsigned = 2n ** 64n - 1n;

/** Undefined where the number has no place in 64 bits. */
export function integerOf(text: string, isNegative: boolean): bigint | undefined {
  const value = isNegative ? -BigInt(text) : BigInt(text);
  return value < smallest || value > largest ? undefined : value;
}

export function unsignedOf(text: string): bigint | undefined {
  const value = BigInt(text.slice(0, -1));
  return value > largestUnsigned ? undefined : value;
}
