/** How many bits each byte's code has (appendix B); the codes follow from their lengths. */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

const endOfString = 256;
/** Two entries a node: where a 0 and where a 1 leads; below 0 it is the complement of a symbol. */
const tree = buildTree();

function buildTree(): Int16Array {
  const order = codeLengths.map((_, symbol) => symbol);
  order.sort((a, b) => codeLengths[a]! - codeLengths[b]! || a - b);
  const tree = new Int16Array(2 * codeLengths.length);
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    code = code * 2 ** (codeLengths[symbol]! - length);
    length = codeLengths[symbol]!;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const at = 2 * node + (Math.floor(code / 2 ** bit) % 2);
      if (bit === 0) tree[at] = ~symbol;
      else node = tree[at] ||= nodes++;
    }
    code++;
  }
  return tree;
}

const nodeMask = 0x1ff;
const emits = 0x200;
const symbolShift = 10;
const fails = 0x40000;

/**
 * Where half a byte leads from a node: the next node, what comes out on the way (no code has fewer
 * than five bits, so at most one symbol), and whether what ends here is the padding that may end a
 * string.
 */
const steps = buildSteps();

function buildSteps(): Int32Array {
  const table = new Int32Array((tree.length / 2) * 16);
  for (let from = 0; from < tree.length / 2; from++) {
    for (let half = 0; half < 16; half++) table[from * 16 + half] = step(from, half);
  }
  return table;
}

function step(from: number, half: number): number {
  let node = from;
  let result = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[2 * node + ((half >> bit) & 1)]!;
    if (next >= 0) node = next;
    else if (~next === endOfString) return fails;
    else {
      result = emits | (~next << symbolShift);
      node = 0;
    }
  }
  return result | node;
}

/** Nodes within a string's last, unfinished symbol: fewer than eight bits, all ones. */
const endings = new Set<number>();
for (let node = 0, bits = 0; bits < 8; bits++) {
  endings.add(node);
  node = tree[2 * node + 1]!;
}

let scratch = Buffer.alloc(4096);

/** Throws if the bytes are no well-formed string. */
export function decodeHuffman(bytes: Buffer): string {
  // The shortest code has five bits.
  if (scratch.length < bytes.length * 2) scratch = Buffer.alloc(bytes.length * 2);
  let length = 0;
  let node = 0;
  for (let at = 0; at < bytes.length * 2; at++) {
    const byte = bytes[at >> 1]!;
    const next = steps[node * 16 + (at & 1 ? byte & 15 : byte >> 4)]!;
    if (next & fails) throw new Error('A header holds an end of string');
    if (next & emits) scratch[length++] = next >> symbolShift;
    node = next & nodeMask;
  }
  if (!endings.has(node)) throw new Error('A header is badly padded');
  return scratch.toString('latin1', 0, length);
}
