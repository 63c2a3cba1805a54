import type { Answer, Question } from 'dns-packet';
import { decode, encode } from 'dns-packet';
import {
  addressOf,
  answerFor,
  type AskedName,
  type ZoneAnswer,
  zoneOf,
} from '#agent/dns/cluster-answers.ts';
import type { NameContext } from '#agent/dns/cluster-names.ts';
import type { Forwarder } from '#agent/dns/forwarder.ts';
import {
  codes,
  type Query,
  readQuery,
  relayReply,
  type Reply,
  writeRefusal,
  writeReply,
} from '#agent/dns/messages.ts';
import type { Clock } from '#shared/base/clock.ts';
import { isInRange, parseCidr } from '#shared/kube/ip.ts';

/** An alias may lead to an alias; more than this is a circle. */
const longestChain = 8;

export interface ResponderOptions {
  readonly context: NameContext;
  /** Pods' and services' addresses: nobody else can have names for them. */
  readonly ownRanges: readonly string[];
  readonly forwarder: Forwarder;
  /** Whether the cluster has been seen: before that its names are not known to be absent. */
  readonly isReady: () => boolean;
  readonly clock: Clock;
}

/** Answers messages: names of the cluster by what was seen of it last, all others by the node's servers. */
export class Responder {
  readonly #options: ResponderOptions;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Bytes for bytes; nothing for what deserves no answer. Datagrams are answered in their size. */
  async answer(message: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const query = readQuery(message);
    if (!query) return undefined;
    if ('refusal' in query) return writeRefusal(message, query.refusal);
    const limit = transport === 'udp' ? query.udpSize : undefined;
    const zone = zoneOf(query, this.#options.context);
    if (zone === undefined || (await this.#isOthers(query, zone))) {
      const reply = await this.#options.forwarder.ask(message, query);
      return reply
        ? relayReply(query, reply, limit)
        : writeReply(query, { code: codes.serverFailure }, limit);
    }
    if (!this.#options.isReady()) return writeReply(query, { code: codes.serverFailure }, limit);
    return writeReply(query, await this.#answerHere(query, zone), limit);
  }

  /** Addresses that are no pod's or service's have their names elsewhere, if anywhere is known. */
  async #isOthers(asked: AskedName, zone: string): Promise<boolean> {
    const { context, ownRanges, forwarder } = this.#options;
    if (zone === context.zone) return false;
    const ip = addressOf(asked);
    if (ip !== undefined && ownRanges.some((range) => isInRange(ip, parseCidr(range))))
      return false;
    const isKnown = ip !== undefined && this.#zoneAnswer(asked, zone).isThere;
    return !isKnown && (await forwarder.hasServers());
  }

  async #answerHere(query: Query, zone: string): Promise<Reply> {
    const found = this.#zoneAnswer(query, zone);
    const { isThere, additionals = [], authority } = found;
    const answers = [...found.answers, ...(await this.#follow(found, query.type))];
    return {
      code: isThere ? codes.noError : codes.noSuchName,
      isAuthoritative: true,
      answers,
      additionals,
      authorities: answers.length > 0 ? [] : [authority],
    };
  }

  /** What an alias leads to, as far as it can be found out. */
  async #follow({ alias }: ZoneAnswer, type: string): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    let name = alias;
    for (let step = 0; name !== undefined && step < longestChain; step++) {
      const zone = zoneOf({ name, type }, this.#options.context);
      if (zone === undefined) return [...answers, ...(await this.#askOthers(name, type))];
      const found = this.#zoneAnswer({ name, type }, zone);
      answers.push(...found.answers);
      name = found.alias;
    }
    return answers;
  }

  async #askOthers(name: string, type: string): Promise<readonly Answer[]> {
    const question = { name, type } as Question;
    const message = encode({ type: 'query', flags: 1 << 8, questions: [question] });
    const reply = await this.#options.forwarder.ask(message, { name, type });
    return reply ? (decode(reply).answers ?? []) : [];
  }

  #zoneAnswer(asked: AskedName, zone: string): ZoneAnswer {
    const { context, clock } = this.#options;
    return answerFor(asked, zone, { ...context, now: Math.floor(clock.now() / 1000) });
  }
}
