import { expect, test } from 'vitest';
import { HpackReader } from '#main/http2/hpack/reader.ts';
import { writeHeaders } from '#main/http2/hpack/writer.ts';

type Header = readonly [name: string, value: string];

function read(reader: HpackReader, block: Buffer): Header[] {
  const headers: Header[] = [];
  reader.read(block, (name, value) => headers.push([name, value]));
  return headers;
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('requests of one connection are read as in appendix C.4 of RFC 7541', () => {
  const reader = new HpackReader();
  const common: Header[] = [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ];
  expect(read(reader, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'))).toEqual(common);
  expect(read(reader, hex('8286 84be 5886 a8eb 1064 9cbf'))).toEqual([
    ...common,
    ['cache-control', 'no-cache'],
  ]);
  const third = '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf';
  expect(read(reader, hex(third))).toEqual([
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ]);
});

test('answers whose table is small are read as in appendix C.6 of RFC 7541', () => {
  const reader = new HpackReader();
  const resize = '3fe1 01'; // 256 bytes
  const first =
    '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3';
  expect(read(reader, hex(resize + first))).toEqual([
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
  expect(read(reader, hex('4883 640e ffc1 c0bf'))).toEqual([
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
});

test.each([
  ['an index that there is not', 'be', 'There is no header 62'],
  ['an index of 0', '80', 'There is no header 0'],
  ['a string that is cut off', '40 05 61', 'A header is cut off'],
  ['a number that is too long', 'ff ff ff ff ff ff', 'A number in a header is too long'],
  ['a table larger than agreed', '3f e2 1f', 'The header table is to be larger than agreed'],
  ['a table that changes after a header', '82 20', 'The header table changes too late'],
  ['padding that is not ones', '00 01 61 81 00', 'A header is badly padded'],
  ['padding of a whole byte', '00 01 61 82 1f ff', 'A header is badly padded'],
  ['an end of string', '00 01 61 84 ff ff ff ff', 'A header holds an end of string'],
])('%s is refused', (_, block, message) => {
  expect(() => read(new HpackReader(), hex(block))).toThrow(message);
});

test('what is written is read again, long and foreign text among it', () => {
  const headers: Header[] = [
    [':status', '200'],
    [':status', '409'],
    ['content-type', 'application/json'],
    ['x-long', 'y'.repeat(20_000)],
    ['warning', '299 - "für"'],
    ['x-empty', ''],
  ];
  const block = writeHeaders(headers);
  expect(block[0]).toBe(0x88);
  const back = read(new HpackReader(), block).map(([name, value]) => [
    name,
    Buffer.from(value, 'latin1').toString(),
  ]);
  expect(back).toEqual(headers);
});
