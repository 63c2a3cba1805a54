import type { NodeArchitecture } from '#main/provision/assets.ts';

/**
 * The program that holds a pod's namespaces open: it lets the kernel reap whatever becomes its child
 * (SIGCHLD is ignored) and waits. A few instructions of Linux's own calls; no library.
 */
const code: Readonly<Record<NodeArchitecture, Buffer>> = {
  amd64: bytes(
    'b80d000000', // mov eax, rt_sigaction
    'bf11000000', // mov edi, SIGCHLD
    '488d3513000000', // lea rsi, [rip + 19]: the action, behind the code
    '31d2', // xor edx, edx
    '41ba08000000', // mov r10d, 8
    '0f05', // syscall
    'b822000000', // mov eax, pause
    '0f05', // syscall
    'ebf7', // jmp to the last mov
  ),
  // Instructions as they lie in memory: little-endian.
  arm64: bytes(
    'c81080d2', // mov x8, rt_sigaction
    '200280d2', // mov x0, SIGCHLD
    '81010010', // adr x1, 48 bytes on: the action, behind the code
    '020080d2', // mov x2, 0
    '030180d2', // mov x3, 8
    '010000d4', // svc 0
    '280980d2', // mov x8, ppoll
    '000080d2', // mov x0, 0
    '010080d2', // mov x1, 0
    '020080d2', // mov x2, 0
    '030080d2', // mov x3, 0
    '010000d4', // svc 0
    'faffff17', // b to "mov x8, ppoll"
    '1f2003d5', // nop
  ),
};

/** struct kernel_sigaction: SIG_IGN, no flags, no restorer, empty mask. */
const action = Buffer.from([1, ...Array.from({ length: 31 }, () => 0)]);

const machines: Readonly<Record<NodeArchitecture, number>> = { amd64: 62, arm64: 183 };
const address = 0x40_0000n;
const headerBytes = 64;
const segmentBytes = 56;

/** A whole ELF executable with one segment, as elf(5) lays it out. */
export function pauseProgram(architecture: NodeArchitecture): Buffer {
  const text = Buffer.concat([code[architecture], action]);
  const start = headerBytes + segmentBytes;
  const size = BigInt(start + text.length);
  const head = Buffer.alloc(start);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  head.writeUInt16LE(2, 16); // an executable
  head.writeUInt16LE(machines[architecture], 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(address + BigInt(start), 24); // entry
  head.writeBigUInt64LE(BigInt(headerBytes), 32); // where the segments are told of
  head.writeUInt16LE(headerBytes, 52);
  head.writeUInt16LE(segmentBytes, 54);
  head.writeUInt16LE(1, 56); // segments
  head.writeUInt32LE(1, headerBytes); // to be loaded
  head.writeUInt32LE(5, headerBytes + 4); // to be read and executed
  head.writeBigUInt64LE(address, headerBytes + 16);
  head.writeBigUInt64LE(address, headerBytes + 24);
  head.writeBigUInt64LE(size, headerBytes + 32);
  head.writeBigUInt64LE(size, headerBytes + 40);
  head.writeBigUInt64LE(0x1_0000n, headerBytes + 48);
  return Buffer.concat([head, text]);
}

function bytes(...instructions: readonly string[]): Buffer {
  return Buffer.from(instructions.join(''), 'hex');
}
