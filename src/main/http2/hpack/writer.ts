import { staticTable } from '#main/http2/hpack/static-table.ts';

export type HeaderList = readonly (readonly [name: string, value: string | number])[];

/** Where in the static table a name stands, and a name with its value. */
const knownNames = new Map<string, number>();
const knownHeaders = new Map<string, number>();
for (const [i, [name, value]] of staticTable.entries()) {
  if (!knownNames.has(name)) knownNames.set(name, i + 1);
  if (value !== '') knownHeaders.set(`${name} ${value}`, i + 1);
}

let scratch = Buffer.alloc(4096);

/** A block of headers that no table needs to remember, so that it is good on every connection. */
export function writeHeaders(headers: HeaderList): Buffer {
  let at = 0;
  for (const [name, value] of headers) {
    const text = typeof value === 'number' ? String(value) : value;
    const most = at + 3 * (name.length + text.length) + 2 * longestInteger;
    if (most > scratch.length) scratch = Buffer.concat([scratch], 2 * most);
    at = writeHeader(at, name, text);
  }
  return Buffer.from(scratch.subarray(0, at));
}

const longestInteger = 6;

function writeHeader(at: number, name: string, value: string): number {
  const whole = name === ':status' ? knownHeaders.get(`${name} ${value}`) : undefined;
  if (whole !== undefined) {
    scratch[at] = 0x80 | whole;
    return at + 1;
  }
  const known = knownNames.get(name);
  if (known !== undefined) return writeText(writeInteger(at, known, 4), value);
  scratch[at] = 0;
  return writeText(writeText(at + 1, name), value);
}

/** Headers are short: byte by byte is faster than a call, as long as they are ASCII. */
function writeText(at: number, text: string): number {
  const from = writeInteger(at, text.length, 7);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return writeLongText(at, text);
    scratch[from + i] = code;
  }
  return from + text.length;
}

function writeLongText(at: number, text: string): number {
  const from = writeInteger(at, Buffer.byteLength(text), 7);
  return from + scratch.write(text, from, 'utf8');
}

function writeInteger(at: number, value: number, prefixBits: number): number {
  const most = 2 ** prefixBits - 1;
  if (value < most) {
    scratch[at] = value;
    return at + 1;
  }
  let to = at;
  scratch[to++] = most;
  let rest = value - most;
  for (; rest >= 0x80; rest >>>= 7) scratch[to++] = (rest & 0x7f) | 0x80;
  scratch[to++] = rest;
  return to;
}
