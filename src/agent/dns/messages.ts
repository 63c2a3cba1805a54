import { type Answer, decode, type DecodedPacket, encode } from 'dns-packet';
import type { AskedName } from '#agent/dns/cluster-answers.ts';
import { compress } from '#agent/dns/compress.ts';
import { headerLength, questionsEnd } from '#agent/dns/wire.ts';

export const codes = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
};

const flags = { authoritative: 1 << 10, truncated: 1 << 9, recursionDesired: 1 << 8 };
/** What we take and send in one datagram: fits in a packet on any network (DNS flag day 2020). */
const ownUdpSize = 1232;
const plainUdpSize = 512;

export interface Query extends AskedName {
  readonly packet: DecodedPacket;
  /** The question as it came, its spelling included. */
  readonly question: NonNullable<DecodedPacket['questions']>[number];
  /** How long a datagram the client takes. */
  readonly udpSize: number;
  readonly hasExtension: boolean;
}

export interface Reply {
  readonly code: number;
  readonly isAuthoritative?: boolean;
  readonly answers?: readonly Answer[];
  readonly authorities?: readonly Answer[];
  readonly additionals?: readonly Answer[];
}

/** The query in a message, or the code to refuse it with; nothing for what is no query at all. */
export function readQuery(message: Buffer): Query | { readonly refusal: number } | undefined {
  if (message.length < headerLength || (message[2]! & 0x80) !== 0) return undefined;
  if ((message[2]! & 0x78) !== 0) return { refusal: codes.notImplemented };
  let packet: DecodedPacket;
  try {
    packet = decode(message);
  } catch {
    return { refusal: codes.formatError };
  }
  const [question, ...more] = packet.questions ?? [];
  if (!question || more.length > 0) return { refusal: codes.formatError };
  if ((question.class ?? 'IN') !== 'IN') return { refusal: codes.refused };
  const extension = packet.additionals?.find(({ type }) => type === 'OPT') as
    | { readonly udpPayloadSize?: number }
    | undefined;
  return {
    packet,
    question,
    name: question.name.toLowerCase().replace(/\.$/, ''),
    type: question.type,
    udpSize: Math.max(plainUdpSize, extension?.udpPayloadSize ?? 0),
    hasExtension: extension !== undefined,
  };
}

/** The reply as bytes; cut to `limit` with the sign that there is more, which TCP then brings. */
export function writeReply(query: Query, reply: Reply, limit?: number): Buffer {
  const { answers = [], authorities = [], additionals = [] } = reply;
  const write = (parts: Required<Pick<Reply, 'answers' | 'additionals'>>, isCut: boolean): Buffer =>
    compress(
      encode({
        type: 'response',
        id: query.packet.id ?? 0,
        flags:
          reply.code |
          (reply.isAuthoritative ? flags.authoritative : 0) |
          (isCut ? flags.truncated : 0) |
          ((query.packet.flags ?? 0) & flags.recursionDesired),
        questions: [query.question],
        answers: [...parts.answers],
        authorities: [...authorities],
        additionals: [...parts.additionals, ...(query.hasExtension ? [extension] : [])],
      }),
    );
  const whole = write({ answers, additionals }, false);
  if (limit === undefined || whole.length <= limit) return whole;
  // Additional records may be left out without a word, answers may not.
  const bare = write({ answers, additionals: [] }, false);
  if (bare.length <= limit) return bare;
  for (let count = answers.length - 1; count > 0; count -= Math.ceil(count / 8)) {
    const some = write({ answers: answers.slice(0, count), additionals: [] }, true);
    if (some.length <= limit) return some;
  }
  return write({ answers: [], additionals: [] }, true);
}

/** A reply that says no more than that the message was not understood or is not for us. */
export function writeRefusal(message: Buffer, code: number): Buffer {
  const reply = Buffer.alloc(headerLength);
  message.copy(reply, 0, 0, 2);
  reply[2] = 0x80 | (message[2]! & 0x79);
  reply[3] = code;
  return reply;
}

/** Somebody else's reply under the client's number, without its records where it is too long. */
export function relayReply(query: Query, reply: Buffer, limit?: number): Buffer {
  const isTooLong = limit !== undefined && reply.length > limit;
  const relayed = Buffer.from(isTooLong ? reply.subarray(0, questionsEnd(reply)) : reply);
  relayed.writeUInt16BE(query.packet.id ?? 0, 0);
  if (!isTooLong) return relayed;
  relayed[2]! |= flags.truncated >> 8;
  relayed.fill(0, 6, headerLength);
  return relayed;
}

const extension: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: ownUdpSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
