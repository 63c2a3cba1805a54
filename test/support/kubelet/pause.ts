/** What sandboxes are made of: a process that reaps and waits, without a C library. */
export const pauseImage = 'registry.test/pause:1';

const loadAddress = 0x40_0000n;
const headerBytes = 64;
const segmentBytes = 56;

/** For x86-64: SIGCHLD is ignored, so that the kernel reaps, then pause() again and again. */
const code = Buffer.from(
  [
    'b80d000000', // mov eax, 13 (rt_sigaction)
    'bf11000000', // mov edi, 17 (SIGCHLD)
    '488d3513000000', // lea rsi, [rip + 19]: the action below
    '31d2', // xor edx, edx
    '41ba08000000', // mov r10d, 8
    '0f05', // syscall
    'b822000000', // mov eax, 34 (pause)
    '0f05', // syscall
    'ebf7', // again
    '0100000000000000', // SIG_IGN
    '000000000000000000000000000000000000000000000000',
  ].join(''),
  'hex',
);

/** An ELF file of one segment. */
export function pauseProgram(): Buffer {
  const start = headerBytes + segmentBytes;
  const size = BigInt(start + code.length);
  const header = Buffer.alloc(start);
  header.write('7f454c46020101', 0, 'hex');
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(62, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(loadAddress + BigInt(start), 24);
  header.writeBigUInt64LE(BigInt(headerBytes), 32);
  header.writeUInt16LE(headerBytes, 52);
  header.writeUInt16LE(segmentBytes, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, headerBytes); // load
  header.writeUInt32LE(5, headerBytes + 4); // read, execute
  header.writeBigUInt64LE(loadAddress, headerBytes + 16);
  header.writeBigUInt64LE(loadAddress, headerBytes + 24);
  header.writeBigUInt64LE(size, headerBytes + 32);
  header.writeBigUInt64LE(size, headerBytes + 40);
  header.writeBigUInt64LE(0x1000n, headerBytes + 48);
  return Buffer.concat([header, code]);
}
