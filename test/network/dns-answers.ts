import { type Answer, decode, encode, type RecordType } from 'dns-packet';
import { type ObservedQuery, unmasked } from './named-world.ts';

const codes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

export function question(name: string, type: string): Buffer {
  return encode({
    type: 'query',
    id: 4711,
    flags: 1 << 8,
    questions: [{ name, type: type as RecordType }],
  });
}

/** A reply as the record writes it; the order of records is free. */
export function asRecorded(reply: Buffer): unknown {
  const { answers, authorities, additionals } = decode(reply);
  const flags = reply.readUInt16BE(2);
  const shown = (records: readonly Answer[] = []): string[] => records.map(asText).sort();
  return {
    rcode: codes[flags & 15],
    aa: (flags & (1 << 10)) !== 0,
    ra: (flags & (1 << 7)) !== 0,
    answer: shown(answers),
    authority: shown(authorities),
    additional: shown(additionals),
  };
}

export function expected({
  rcode,
  aa,
  ra,
  answer,
  authority = [],
  additional = [],
}: ObservedQuery): unknown {
  const shown = (records: readonly string[]): string[] => records.map(unmasked).sort();
  return {
    rcode,
    aa,
    ra,
    answer: shown(answer),
    authority: shown(authority),
    additional: shown(additional),
  };
}

function asText(record: Answer): string {
  const { name, type } = record;
  const start = `${name === '.' ? '' : name}.`;
  if (type === 'OPT') return `${start} OPT`;
  return `${start} ${record.ttl} ${type} ${dataText(record)}`;
}

function dataText(record: Exclude<Answer, { type: 'OPT' }>): string {
  if (record.type === 'A' || record.type === 'AAAA') return record.data;
  if (record.type === 'CNAME' || record.type === 'NS' || record.type === 'PTR') {
    return `${record.data}.`;
  }
  if (record.type === 'SRV') {
    const { priority, weight, port, target } = record.data;
    return `${priority} ${weight} ${port} ${target}.`;
  }
  if (record.type === 'SOA') {
    const { mname, rname, refresh, retry, expire, minimum } = record.data;
    return `${mname}. ${rname}. $SERIAL ${refresh} ${retry} ${expire} ${minimum}`;
  }
  if (record.type !== 'TXT') return JSON.stringify(record.data);
  return [record.data]
    .flat()
    .map((part) => `"${part.toString()}"`)
    .join(' ');
}
